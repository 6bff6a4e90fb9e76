//! What Meta says when it refuses.

use std::fmt;

use serde_json::Value;

use crate::advice::{self, Advice};
use crate::json::{Fields, Object};

/// An error of Meta's: the answer to a call, or told by webhook.
///
/// Neither its display nor its `Debug` shows Meta's texts, which may name numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What went wrong. It alone counts: titles change, and HTTP statuses as well.
    pub code: i64,
    /// Meta's words for the code. Not for staff: see [`ApiError::sentence`].
    pub title: Option<String>,
    /// What Meta says about this case.
    pub details: Option<String>,
    /// By what Meta's support finds the call.
    pub trace: Option<String>,
    /// Whether Meta says that it will pass.
    pub transient: bool,
}

impl ApiError {
    /// Reads one. `None` without a code.
    pub(crate) fn read(error: &Object) -> Option<Self> {
        let data = error.get("error_data");
        let details = match data {
            // In some answers it is the text itself.
            Some(Value::String(_)) => error.text("error_data"),
            _ => data.and_then(Value::as_object).and_then(|it| it.text("details")),
        };
        let is_visible = |it: &String| it.len() <= 100 && it.bytes().all(|it| it.is_ascii_graphic());
        Some(Self {
            code: error.integer("code")?,
            title: error.text("title").or_else(|| error.text("message")),
            details,
            trace: error.text("fbtrace_id").filter(is_visible),
            transient: error.is_true("is_transient"),
        })
    }

    /// What to do about it. An unknown code is retried where Meta says that it will pass.
    pub fn advice(&self) -> Advice {
        match advice::row(self.code) {
            None if self.transient => advice::TROUBLE,
            _ => advice_on(self.code),
        }
    }

    /// What to tell the hotel's staff: a sentence of ours, whatever Meta wrote.
    pub fn sentence(&self) -> String {
        match advice::row(self.code) {
            Some((_, sentence)) => sentence.to_owned(),
            None => format!("WhatsApp refused this message (error {}). Please tell your administrator.", self.code),
        }
    }
}

/// What to do about an error of which only the code is known.
pub fn advice_on(code: i64) -> Advice {
    advice::row(code).map_or(Advice::GiveUp, |(advice, _)| advice)
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}", self.code)?;
        self.trace.as_ref().map_or(Ok(()), |trace| write!(f, " (trace {trace})"))
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError").field("code", &self.code).field("trace", &self.trace).finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(error: &Value) -> Option<ApiError> {
        ApiError::read(error.as_object().unwrap())
    }

    #[test]
    fn the_answer_to_a_call_and_a_webhooks_are_read_alike() {
        let answered = read(&json!({
            "message": "(#131056) pair rate limit hit", "type": "OAuthException", "code": 131056,
            "error_data": {"messaging_product": "whatsapp", "details": "Too many messages."},
            "error_subcode": 2_494_055, "fbtrace_id": "AbCdEf123"
        }))
        .unwrap();
        assert_eq!((answered.code, answered.advice()), (131056, Advice::WaitForPair));
        assert_eq!(answered.title.as_deref(), Some("(#131056) pair rate limit hit"));
        assert_eq!(
            (answered.details.as_deref(), answered.trace.as_deref()),
            (Some("Too many messages."), Some("AbCdEf123"))
        );
        let told =
            read(&json!({"code": "131047", "title": "Re-engagement", "message": "x", "error_data": "Over."})).unwrap();
        assert_eq!(
            (told.code, told.title.as_deref(), told.details.as_deref()),
            (131047, Some("Re-engagement"), Some("Over."))
        );
    }

    #[test]
    fn without_a_code_it_is_none() {
        for bad in
            [json!({}), json!({"message": "x"}), json!({"code": "x"}), json!({"code": null}), json!({"code": 1.5})]
        {
            assert_eq!(read(&bad), None);
        }
    }

    #[test]
    fn an_unknown_code_is_told_in_general_and_given_up_unless_it_passes() {
        let unknown = read(&json!({"code": 987_654, "message": "Do what I say"})).unwrap();
        assert_eq!(unknown.sentence(), "WhatsApp refused this message (error 987654). Please tell your administrator.");
        assert_eq!(unknown.advice(), Advice::GiveUp);
        let passing = read(&json!({"code": 987_654, "is_transient": true})).unwrap();
        assert!(passing.advice().wait(0).is_some());
    }

    #[test]
    fn it_shows_nothing_of_metas_texts() {
        let error = read(&json!({
            "code": 131030, "message": "+447700900123 is not on the list", "error_data": "+447700900123",
            "fbtrace_id": "A1"
        }))
        .unwrap();
        let shown = format!("{error} {error:?} {}", error.sentence());
        assert!(shown.starts_with("error 131030 (trace A1)") && !shown.contains("4477"), "{shown}");
        assert_eq!(read(&json!({"code": 1, "fbtrace_id": "a\nb"})).unwrap().trace, None);
    }
}
