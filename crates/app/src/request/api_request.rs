//! Extractor of API calls that require credentials.

use std::pin::Pin;

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web};
use desk::{Caller, ConversationRef, Desk, PageRequest, Principal};
use domain::ConversationId;
use wire::JsonBody;

use crate::{
    app_state::{App, app_of},
    problem::Problem,
    request::{
        body::RequestBody,
        page_links::PageLinks,
        path_id::{has_valid_ids, parse_id},
        query::{Query, page},
    },
    settings::Settings,
};

/// An API call with a verified access token or API key and a complete body. `C` is [`Caller`] if only staff may make
/// the call, [`Principal`] if API keys are accepted, too. Use cases check the session themselves.
pub struct ApiRequest<C = Caller> {
    pub app: web::Data<App>,
    pub caller: C,
    pub http: HttpRequest,
    pub(super) body: RequestBody,
}

/// Router data of a path that can return something else than JSON: no request to it fails with 406.
pub struct AcceptsAnyType;

/// The types that the caller of an [`ApiRequest`] can have: [`Caller`] for staff, [`Principal`] for staff or API key.
pub trait RequestCaller: Copy + 'static {
    const MAY_BE_API_KEY: bool;

    /// Converts a verified principal. Returns `None` if it is an API key, but only staff may make the call.
    fn from_principal(principal: Principal) -> Option<Self>;

    fn principal(self) -> Principal;
}

impl RequestCaller for Principal {
    const MAY_BE_API_KEY: bool = true;

    fn from_principal(principal: Principal) -> Option<Self> {
        Some(principal)
    }

    fn principal(self) -> Principal {
        self
    }
}

impl RequestCaller for Caller {
    const MAY_BE_API_KEY: bool = false;

    fn from_principal(principal: Principal) -> Option<Self> {
        match principal {
            Principal::Staff(caller) => Some(caller),
            Principal::ApiKey { .. } => None,
        }
    }

    fn principal(self) -> Principal {
        Principal::Staff(self)
    }
}

impl<C: RequestCaller> ApiRequest<C> {
    pub fn desk(&self) -> &Desk {
        &self.app.desk
    }

    pub fn settings(&self) -> &Settings {
        &self.app.settings
    }

    /// The id in the place of `{id}` in the request path.
    pub fn id(&self) -> i64 {
        self.path_parameter("id")
    }

    /// The id in the place of `{message_id}` in the request path.
    pub fn message_id(&self) -> i64 {
        self.path_parameter("message_id")
    }

    /// The id in the place of `{session_id}` in the request path.
    pub fn session_id(&self) -> i64 {
        self.path_parameter("session_id")
    }

    pub fn conversation_id(&self) -> ConversationId {
        ConversationId(self.id())
    }

    /// A reference to the conversation with the `{id}` of the request path.
    pub fn conversation(&self) -> ConversationRef {
        ConversationRef::Conversation(self.conversation_id())
    }

    pub fn query(&self) -> Query {
        Query::parse(self.http.query_string())
    }

    /// Number and size of the requested page of a list. Fails with 404 if `page` is no page number, with 400 if
    /// `page_size` is invalid.
    pub fn page(&self) -> Result<PageRequest, Problem> {
        let mut query = self.query();
        let page = page(&mut query)?;
        query.finish(page)
    }

    /// Fails with 406 if the client does not accept JSON, on a path that can return something else.
    pub fn require_json_accepted(&self) -> Result<(), Problem> {
        self.body.require_json_accepted()
    }

    /// Parses the JSON body of a call that accepts no idempotency key.
    pub fn json<T: JsonBody>(&self) -> Result<T, Problem> {
        self.body.require_json_accepted()?;
        self.body.json()
    }

    /// The builder of links to other pages of the list that this request asks for.
    pub fn page_links(&self) -> PageLinks {
        PageLinks::new(&self.http, self.app.settings.public_url.as_ref())
    }

    /// The id in a path parameter; 0, which is never an id, if the route has no parameter of this name. (A parameter
    /// that is no id has already made the extraction of the request fail.)
    fn path_parameter(&self, name: &str) -> i64 {
        self.http.match_info().get(name).and_then(parse_id).unwrap_or_default()
    }
}

impl<C: RequestCaller> FromRequest for ApiRequest<C> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (http, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let app = app_of(&http).ok_or_else(Problem::without_state)?;
            let principal = http.extensions().get::<Principal>().copied();
            let principal = principal.ok_or_else(Problem::unauthenticated)?;
            let body = RequestBody::read(&http, payload).await?;
            if !has_valid_ids(&http) {
                return Err(Problem::no_such_path());
            }
            // `Accept` is checked here only for reads: a write looks up its idempotency key first.
            if http.method().is_safe() && http.app_data::<AcceptsAnyType>().is_none() {
                body.require_json_accepted()?;
            }
            let caller = C::from_principal(principal).ok_or(desk::Error::BeyondApiKey)?;
            Ok(Self { app, caller, http, body })
        })
    }
}
