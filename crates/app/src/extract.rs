//! What a request says: who asks, the ids in its path, its query, its body.
//!
//! A [`Call`] reads all of it without refusing any, and its handler asks for the parts in the order
//! in which faults are to be told: 401, 404 by path, 405, 406, 404 by sight, 403, 413, 415, 400, 409.
//! The desk tells 401, 404 by sight, 403 and 409 itself where it is asked; only a request that is
//! not understood never gets there, so for one of those the rest of it is looked at first (`write.rs`).

mod address;
mod body;
mod body_memory;
mod body_reader;
mod form;
mod links;
mod query;
mod write;

pub use address::client_address;
pub use body::{MostBytes, Sent};
pub use body_memory::BodyMemory;
pub use body_reader::{BodyError, leave_unread, read_body};
pub use links::Links;
pub use query::{Query, cursor, filter, message_range, page};
pub use write::{Target, Write};

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, HeaderMap},
    middleware::Next,
    web,
};
use desk::{Caller, Desk, Page, Principal};
use domain::{ConversationId, MessageId};
use wire::Input;

use crate::{problem::Problem, state::App};

/// A call of somebody whose token or key is good: of staff alone, or of a [`Principal`]. Whether a
/// session is live, the desk looks.
pub struct Call<A = Caller> {
    /// The program.
    pub app: web::Data<App>,
    /// Who asks.
    pub caller: A,
    /// The request, apart from its body.
    pub request: HttpRequest,
    sent: Sent,
}

/// Who may be behind a call.
pub trait Asker: Copy + 'static {
    /// The one who asks, if such a one may ask this at all.
    fn admitted(principal: Principal) -> Option<Self>;

    /// Who that is.
    fn principal(self) -> Principal;
}

impl Asker for Principal {
    fn admitted(principal: Principal) -> Option<Self> {
        Some(principal)
    }

    fn principal(self) -> Principal {
        self
    }
}

impl Asker for Caller {
    fn admitted(principal: Principal) -> Option<Self> {
        match principal {
            Principal::Staff(caller) => Some(caller),
            Principal::ApiKey { .. } => None,
        }
    }

    fn principal(self) -> Principal {
        Principal::Staff(self)
    }
}

impl<A: Asker> Call<A> {
    /// The desk.
    pub fn desk(&self) -> &Desk {
        &self.app.desk
    }

    /// An id in the path.
    ///
    /// # Errors
    /// [`Problem`]: 404 where it is no id; before that 401 where the session is over.
    pub async fn id(&self) -> Result<i64, Problem> {
        match path_id(self.request.match_info().get("id").unwrap_or_default()) {
            Some(id) => Ok(id),
            None => Err(self.once_signed_in(Problem::not_found()).await),
        }
    }

    /// The message of the path.
    ///
    /// # Errors
    /// As [`Call::id`].
    pub async fn message(&self) -> Result<MessageId, Problem> {
        match path_id(self.request.match_info().get("message_id").unwrap_or_default()) {
            Some(id) => Ok(MessageId(id)),
            None => Err(self.once_signed_in(Problem::not_found()).await),
        }
    }

    /// Checks that the answer, which is JSON, is wanted.
    ///
    /// # Errors
    /// [`Problem`]: 406; before that 401 where the session is over.
    pub async fn wants_json(&self) -> Result<(), Problem> {
        match self.sent.wants_json() {
            Ok(()) => Ok(()),
            Err(problem) => Err(self.once_signed_in(problem).await),
        }
    }

    /// The problem, unless the session is over: that comes first.
    pub async fn once_signed_in(&self, problem: Problem) -> Problem {
        once_live(self.desk(), self.caller.principal(), problem).await
    }

    async fn live(&self) -> Result<(), desk::Error> {
        live(self.desk(), self.caller.principal()).await
    }
}

impl Call {
    /// The conversation of the path.
    ///
    /// # Errors
    /// As [`Call::id`].
    pub async fn conversation(&self) -> Result<ConversationId, Problem> {
        self.id().await.map(ConversationId)
    }

    /// Which page of a list is asked for.
    ///
    /// # Errors
    /// [`Problem`]: 406, 404, 400; before those 401 where the session is over.
    pub async fn page(&self) -> Result<Page, Problem> {
        self.wants_json().await?;
        match self.asked_page() {
            Ok(page) => Ok(page),
            Err(problem) => Err(self.once_signed_in(problem).await),
        }
    }

    /// Which page of a list is asked for that only managers see.
    ///
    /// # Errors
    /// [`Problem`]: 406, 404, 400; before those 401 and 403.
    pub async fn managers_page(&self) -> Result<Page, Problem> {
        self.wants_json().await?;
        match self.asked_page() {
            Ok(page) => Ok(page),
            Err(problem) => Err(self.in_sight(Target::Hotel).await.err().map_or(problem, Problem::from)),
        }
    }

    fn asked_page(&self) -> Result<Page, Problem> {
        let mut query = Query::parse(self.request.query_string());
        page(&mut query).and_then(|page| query.done(page))
    }

    /// Reads a body that is sent to nothing in particular, and without a key.
    ///
    /// # Errors
    /// [`Problem`]: 406, 413, 415, 400; before those 401 where the session is over.
    pub async fn body<T: Input>(&self) -> Result<T, Problem> {
        match self.sent.wants_json().and_then(|()| self.sent.json()) {
            Ok(body) => Ok(body),
            Err(problem) => Err(self.once_signed_in(problem).await),
        }
    }

    /// The problem, unless the conversation is not in sight: that comes first.
    pub async fn once_in_sight(&self, id: ConversationId, problem: Problem) -> Problem {
        self.in_sight(Target::Conversation(id)).await.err().map_or(problem, Problem::from)
    }
}

impl<A: Asker> FromRequest for Call<A> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let app = app_of(&request)?;
            let principal = request.extensions().get::<Principal>().copied();
            let principal = principal.ok_or_else(Problem::unauthenticated)?;
            let sent = match Sent::read(&request, payload).await {
                Ok(sent) => sent,
                // The HTTP library closes after a broken chunk: who is not answered at once is not answered.
                Err(error @ BodyError::Incomplete) => return Err(error.into()),
                Err(error) => return Err(once_live(&app.desk, principal, error.into()).await),
            };
            let Some(caller) = A::admitted(principal) else {
                // What comes before it is told before it: a path that is none, and what is wanted.
                if !ids_are_ids(&request) {
                    return Err(Problem::not_found());
                }
                sent.wants_json()?;
                return Err(desk::Error::BeyondApiKey.into());
            };
            Ok(Self { app, caller, request, sent })
        })
    }
}

/// The problem, unless the session is over: that comes first.
async fn once_live(desk: &Desk, principal: Principal, problem: Problem) -> Problem {
    live(desk, principal).await.err().map_or(problem, Problem::from)
}

/// Looks whether the session is live; a key was looked up on the way here.
async fn live(desk: &Desk, principal: Principal) -> Result<(), desk::Error> {
    match principal {
        Principal::Staff(caller) => desk.authenticate(caller).await.map(drop),
        Principal::ApiKey { .. } => Ok(()),
    }
}

/// Whether every id in the path is one.
pub fn ids_are_ids(request: &HttpRequest) -> bool {
    request.match_info().iter().all(|(_, id)| path_id(id).is_some())
}

/// The program, from what every request carries.
///
/// # Errors
/// None where the server was put together right.
pub fn app_of(request: &HttpRequest) -> Result<web::Data<App>, Problem> {
    request.app_data::<web::Data<App>>().cloned().ok_or_else(|| Problem::internal("the app has no state"))
}

/// Lets through only requests with a good access token or API key, before anything else is looked at.
///
/// # Errors
/// Those of the service; a refusal is an answer.
pub async fn signed_in(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match principal(&request).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

async fn principal(request: &ServiceRequest) -> Result<Principal, Problem> {
    let app = app_of(request.request())?;
    match bearer(request.headers()) {
        Some(Bearer::Token(token)) => Ok(app.desk.principal(token).await?),
        Some(Bearer::Unreadable) | None => Err(Problem::unauthenticated()),
    }
}

/// What stands in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// A token, or a key.
    Token(&'a str),
    /// Something else: credentials all the same, and bad ones.
    Unreadable,
}

/// The explicit credentials of a request, if it has any.
pub fn bearer(headers: &HeaderMap) -> Option<Bearer<'_>> {
    let value = headers.get(AUTHORIZATION)?;
    let token =
        value.to_str().ok().and_then(|text| text.split_once(' ')).filter(|it| it.0.eq_ignore_ascii_case("bearer"));
    Some(token.map_or(Bearer::Unreadable, |(_, token)| Bearer::Token(token.trim())))
}

/// An id in a path: a positive 64-bit integer, written as integers are.
pub fn path_id(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|id| *id > 0 && id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            actix_web::http::header::HeaderName::from_static(name),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
        headers
    }

    #[test]
    fn ids_are_positive_integers() {
        assert_eq!(path_id("1"), Some(1));
        assert_eq!(path_id("9223372036854775807"), Some(i64::MAX));
        for bad in ["", "0", "-1", "+1", "01", "1.0", "1e3", "x", " 1", "9223372036854775808", "１"] {
            assert_eq!(path_id(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_scheme_of_a_bearer_has_no_case() {
        assert_eq!(bearer(&HeaderMap::new()), None);
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(bearer(&headers("authorization", good)), Some(Bearer::Token("a.b.c")), "{good}");
        }
        for bad in ["Bearer", "Basic YTpi", "a.b.c", "", "é x"] {
            assert_eq!(bearer(&headers("authorization", bad)), Some(Bearer::Unreadable), "{bad}");
        }
    }
}
