//! What a request says: who asks, the ids in its path, its query, its body.
//!
//! A [`Call`] reads all of it without refusing any, and its handler asks for the parts in the order
//! in which faults are to be told: 401, 404 by path, 405, 406, 404 by sight, 403, 413, 415, 400, 409.
//! The desk tells 401, 404 by sight, 403 and 409 itself where it is asked; only a request that is
//! not understood never gets there, so for one of those [`Call::refused`] looks first.

mod address;
mod body;
mod links;
mod query;

pub use address::client_address;
pub use body::Sent;
pub use links::Links;
pub use query::{Query, cursor, filter, message_range, page};

use std::pin::Pin;

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header::{AUTHORIZATION, HeaderMap},
    middleware::Next,
    web,
};
use auth::Digest;
use desk::{Caller, Desk, Key, Once, Page, StaffChange, Which};
use domain::{ClientRef, ConversationId, DepartmentId, Role, StaffId};
use wire::Input;

use crate::{
    problem::{Problem, Refusal},
    state::App,
};

/// A call of a staff member whose token is good. Whether their session is live, the desk looks.
pub struct Call {
    /// The program.
    pub app: web::Data<App>,
    /// Who asks.
    pub caller: Caller,
    /// The request, apart from its body.
    pub request: HttpRequest,
    sent: Sent,
}

/// What a write is done to: what has to be in sight, and whether only managers may do it.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A conversation.
    Conversation(ConversationId),
    /// A conversation, by a message: its keys live with the messages.
    Reply(ConversationId),
    /// The hotel, as a manager.
    Hotel,
    /// A department, as a manager.
    Department(DepartmentId),
    /// A staff member, as a manager.
    Staff(StaffId),
}

/// A write that is understood.
pub struct Write<T> {
    /// The body.
    pub body: T,
    /// Under which key, if any.
    pub key: Option<Key>,
}

impl Call {
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

    /// The conversation of the path.
    ///
    /// # Errors
    /// As [`Call::id`].
    pub async fn conversation(&self) -> Result<ConversationId, Problem> {
        self.id().await.map(ConversationId)
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

    /// Which page of a list is asked for.
    ///
    /// # Errors
    /// [`Problem`]: 406, 404, 400; before those 401 where the session is over.
    pub async fn page(&self) -> Result<Page, Problem> {
        self.wants_json().await?;
        let mut query = Query::parse(self.request.query_string());
        let asked = page(&mut query).and_then(|page| query.done(page));
        match asked {
            Ok(page) => Ok(page),
            Err(problem) => Err(self.once_signed_in(problem).await),
        }
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

    /// The problem, unless the session is over: that comes first.
    pub async fn once_signed_in(&self, problem: Problem) -> Problem {
        self.desk().authenticate(self.caller).await.err().map_or(problem, Problem::from)
    }

    /// The problem, unless the conversation is not in sight: that comes first.
    pub async fn once_in_sight(&self, id: ConversationId, problem: Problem) -> Problem {
        self.in_sight(Target::Conversation(id)).await.err().map_or(problem, Problem::from)
    }

    /// Reads a write: its body and its key.
    ///
    /// # Errors
    /// [`Refusal`]: the answer that the key has already, or the first of the faults in order.
    pub async fn write<T: Input>(&self, target: Target) -> Result<Write<T>, Refusal> {
        self.write_as(target, Ok::<T, Problem>).await
    }

    /// As [`Call::write`], and makes of the body what the desk takes.
    ///
    /// # Errors
    /// As [`Call::write`].
    pub async fn write_as<T: Input, U>(
        &self,
        target: Target,
        made: impl FnOnce(T) -> Result<U, Problem>,
    ) -> Result<Write<U>, Refusal> {
        let key = idempotency_key(self.request.headers());
        let understood = self.sent.wants_json().and_then(|()| self.sent.json::<T>()).and_then(|body| {
            let digest = digest_of(&body);
            Ok((digest, made(body)?))
        });
        match (understood, key) {
            (Ok((digest, body)), Ok(key)) => Ok(Write { body, key: key.map(|key| self.key(key, digest)) }),
            (Err(problem), key) => Err(self.refused::<T>(target, key.ok().flatten(), problem).await),
            (Ok(_), Err(problem)) => Err(self.refused::<T>(target, None, problem).await),
        }
    }

    /// What a request that is not understood is told.
    async fn refused<T: Input>(&self, target: Target, key: Option<ClientRef>, problem: Problem) -> Refusal {
        match self.refuse_earlier::<T>(target, key, &problem).await {
            Ok(()) => problem.into(),
            Err(earlier) => earlier,
        }
    }

    async fn refuse_earlier<T: Input>(
        &self,
        target: Target,
        key: Option<ClientRef>,
        problem: &Problem,
    ) -> Result<(), Refusal> {
        if let Some(key) = key {
            // A body that cannot be read is another one than that of a request that was answered.
            let digest = self.sent.parsed::<T>().map_or_else(|_| String::new(), |body| digest_of(&body));
            if let Some(answer) = self.answered(target, self.key(key, digest)).await? {
                return Err(Refusal::Answered(answer));
            }
        }
        if problem.comes_before_sight() {
            self.desk().authenticate(self.caller).await?;
            return Ok(());
        }
        Ok(self.in_sight(target).await?)
    }

    async fn answered(&self, target: Target, key: Key) -> Result<Option<String>, desk::Error> {
        let Target::Reply(id) = target else { return self.desk().answered(self.caller, key).await };
        let which = Which::Conversation(id);
        let message = self.desk().replied(self.caller, which, key.key, key.request_digest).await?;
        Ok(message.map(|message| wire::json(&wire::Message::from(&message))))
    }

    /// Looks whether the target is there for the caller, and theirs to change.
    async fn in_sight(&self, target: Target) -> Result<(), desk::Error> {
        let (desk, caller) = (self.desk(), self.caller);
        match target {
            Target::Conversation(id) | Target::Reply(id) => desk.conversation(caller, id).await.map(drop),
            Target::Hotel => match desk.authenticate(caller).await?.role {
                Role::Manager => Ok(()),
                Role::Staff => Err(desk::Error::Forbidden),
            },
            // A change of nothing looks, and does nothing.
            Target::Department(id) => desk.rename_department(caller, id, None, Once::unkeyed()).await.map(drop),
            Target::Staff(id) => desk.change_staff(caller, id, StaffChange::default(), Once::unkeyed()).await.map(drop),
        }
    }

    fn key(&self, key: ClientRef, request_digest: String) -> Key {
        Key { staff: self.caller.staff, path: links::canonical_path(self.request.path()), key, request_digest }
    }
}

impl<T> Write<T> {
    /// The body, and how its answer is kept.
    pub fn once<A>(self, answer: fn(&A) -> String) -> (T, Once<A>) {
        (self.body, Once { key: self.key, answer })
    }
}

impl FromRequest for Call {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let app = app_of(&request)?;
            let caller = request.extensions().get::<Caller>().copied();
            let caller = caller.ok_or_else(Problem::unauthenticated)?;
            let sent = Sent::read(request.headers(), payload).await;
            Ok(Self { app, caller, request, sent })
        })
    }
}

/// The program, from what every request carries.
///
/// # Errors
/// None where the server was put together right.
pub fn app_of(request: &HttpRequest) -> Result<web::Data<App>, Problem> {
    request.app_data::<web::Data<App>>().cloned().ok_or_else(|| Problem::internal("the app has no state"))
}

/// Lets through only requests with a good access token, before anything else is looked at.
///
/// # Errors
/// Those of the service; a refusal is an answer.
pub async fn signed_in(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let caller = app_of(request.request()).and_then(|app| match bearer(request.headers()) {
        Some(Bearer::Token(token)) => Ok(app.desk.caller_of_token(token)?),
        Some(Bearer::Unreadable) | None => Err(Problem::unauthenticated()),
    });
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.call(request).await?.map_into_left_body())
        }
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

/// What stands in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// A token.
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

/// The key of a write, if it has one.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<ClientRef>, Problem> {
    let Some(value) = headers.get("Idempotency-Key") else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| ClientRef::parse(text).ok());
    key.map(Some).ok_or_else(|| Problem::invalid("Idempotency-Key", "Please give 1 to 128 visible ASCII characters."))
}

fn digest_of<T: Input>(body: &T) -> String {
    Digest::of(body.fingerprint()).to_string()
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

    #[test]
    fn a_key_is_visible() {
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert!(idempotency_key(&headers("idempotency-key", "k-1")).unwrap().is_some());
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            assert!(idempotency_key(&headers("idempotency-key", bad)).is_err(), "{bad}");
        }
    }
}
