//! Writes: their bodies, their keys, and what is told of those that are not understood.

use actix_web::http::header::HeaderMap;
use auth::Digest;
use bytes::Bytes;
use desk::{Key, Once, OutgoingFile, Principal, StaffChange, TemplateChange, Which};
use domain::{ClientRef, ConversationId, DepartmentId, Role, StaffId, StayId, TemplateId};
use wire::Input;

use super::{Asker, Call, body::Sent, links};
use crate::problem::{Problem, Refusal};

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
    /// A stay, as a manager or another system of the hotel.
    Stay(StayId),
    /// A template, as a manager.
    Template(TemplateId),
}

/// A write that is understood.
pub struct Write<T> {
    /// The body.
    pub body: T,
    /// Under which key, if any.
    pub key: Option<Key>,
}

impl<T> Write<T> {
    /// The body, and how its answer is kept.
    pub fn once<A>(self, answer: fn(&A) -> String) -> (T, Once<A>) {
        (self.body, Once { key: self.key, answer })
    }
}

/// What was sent, told apart from anything else.
type DigestOf = fn(&Sent) -> Result<String, Problem>;

impl<A: Asker> Call<A> {
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
        let understood = self.sent.wants_json().and_then(|()| self.sent.json::<T>()).and_then(|body| {
            let digest = digest_of(&body);
            Ok((digest, made(body)?))
        });
        self.understood(target, understood, |sent| sent.parsed::<T>().map(|body| digest_of(&body))).await
    }

    /// As [`Call::write`], of a file: the whole body, or the part `file` of a form.
    ///
    /// # Errors
    /// As [`Call::write`].
    pub async fn write_file(&self, target: Target, media: &'static str) -> Result<Write<Bytes>, Refusal> {
        let digest: DigestOf = |sent| sent.bytes().map(|bytes| Digest::of(bytes).to_string());
        let understood = self.sent.wants_json().and_then(|()| self.sent.file(media));
        let understood = understood.and_then(|file| Ok((digest(&self.sent)?, file)));
        self.understood(target, understood, digest).await
    }

    /// As [`Call::write`], of a file to send: the part `file` of a form, with a part `text` if need be.
    ///
    /// # Errors
    /// As [`Call::write`].
    pub async fn write_upload(&self, target: Target) -> Result<Write<OutgoingFile>, Refusal> {
        let digest: DigestOf = |sent| sent.bytes().map(|bytes| Digest::of(bytes).to_string());
        let understood = self.sent.wants_json().and_then(|()| self.sent.upload());
        let understood = understood.and_then(|file| Ok((digest(&self.sent)?, file)));
        self.understood(target, understood, digest).await
    }

    async fn understood<T>(
        &self,
        target: Target,
        understood: Result<(String, T), Problem>,
        digest: DigestOf,
    ) -> Result<Write<T>, Refusal> {
        match (understood, idempotency_key(self.request.headers())) {
            (Ok((digest, body)), Ok(key)) => Ok(Write { body, key: key.and_then(|key| self.key(key, digest)) }),
            (Err(problem), key) => {
                // A body that cannot be read is another one than that of a request that was answered.
                let key = key.ok().flatten().and_then(|key| self.key(key, digest(&self.sent).unwrap_or_default()));
                Err(self.refused(target, key, problem).await)
            }
            (Ok(_), Err(problem)) => Err(self.refused(target, None, problem).await),
        }
    }

    /// What a request that is not understood is told.
    async fn refused(&self, target: Target, key: Option<Key>, problem: Problem) -> Refusal {
        match self.refuse_earlier(target, key, &problem).await {
            Ok(()) => problem.into(),
            Err(earlier) => earlier,
        }
    }

    async fn refuse_earlier(&self, target: Target, key: Option<Key>, problem: &Problem) -> Result<(), Refusal> {
        if let (Some(key), Principal::Staff(caller)) = (key, self.caller.principal())
            && let Some(answer) = self.answered(target, caller, key).await?
        {
            return Err(Refusal::Answered(answer));
        }
        if problem.comes_before_sight() {
            return Ok(self.live().await?);
        }
        Ok(self.in_sight(target).await?)
    }

    async fn answered(&self, target: Target, caller: desk::Caller, key: Key) -> Result<Option<String>, desk::Error> {
        let Target::Reply(id) = target else { return self.desk().answered(caller, key).await };
        let which = Which::Conversation(id);
        let message = self.desk().replied(caller, which, key.key, key.request_digest).await?;
        Ok(message.map(|message| wire::json(&wire::Message::from(&message))))
    }

    /// Looks whether the target is there for the caller, and theirs to change.
    pub(super) async fn in_sight(&self, target: Target) -> Result<(), desk::Error> {
        let (desk, principal) = (self.desk(), self.caller.principal());
        if let Target::Stay(id) = target {
            return desk.stay(principal, id).await.map(drop);
        }
        // Of all else that is written to, a key is let to nothing but to the hotel, which is its own.
        let Principal::Staff(caller) = principal else { return Ok(()) };
        match target {
            Target::Conversation(id) | Target::Reply(id) => desk.conversation(caller, id).await.map(drop),
            Target::Hotel | Target::Stay(_) => match desk.authenticate(caller).await?.role {
                Role::Manager => Ok(()),
                Role::Staff => Err(desk::Error::Forbidden),
            },
            // A change of nothing looks, and does nothing.
            Target::Department(id) => desk.rename_department(caller, id, None, Once::unkeyed()).await.map(drop),
            Target::Staff(id) => desk.change_staff(caller, id, StaffChange::default(), Once::unkeyed()).await.map(drop),
            Target::Template(id) => {
                desk.change_template(caller, id, TemplateChange::default(), Once::unkeyed()).await.map(drop)
            }
        }
    }

    /// The key, which is the caller's own. Who is known by an API key has none: what they may do changes
    /// nothing when it is done again.
    fn key(&self, key: ClientRef, request_digest: String) -> Option<Key> {
        let Principal::Staff(caller) = self.caller.principal() else { return None };
        Some(Key { staff: caller.staff, path: links::canonical_path(self.request.path()), key, request_digest })
    }
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
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn a_key_is_visible() {
        let with = |key: &str| {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_bytes(key.as_bytes()).unwrap();
            headers.insert(HeaderName::from_static("idempotency-key"), value);
            headers
        };
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
        assert!(idempotency_key(&with("k-1")).unwrap().is_some());
        for bad in ["", "a b", "é", &"x".repeat(129)] {
            assert!(idempotency_key(&with(bad)).is_err(), "{bad}");
        }
    }
}
