//! Errors of Meta, in responses and in webhooks.

use std::fmt;

use serde_json::Value;

use crate::error_codes::{self, ErrorPolicy};
use crate::json::JsonObject;
use crate::json_fields::JsonFields;

const MAX_TRACE_BYTES: usize = 100;

/// An error that Meta reports in a response or a webhook.
///
/// `Display` and `Debug` omit Meta's texts, because these can contain phone numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Meta's error code, the only field to decide by: Meta changes titles and HTTP statuses.
    pub code: i64,
    /// Meta's text for the error code. Staff get [`ApiError::sentence`] instead.
    pub title: Option<String>,
    pub details: Option<String>,
    /// Meta's trace id of the failed call (`fbtrace_id`), by which Meta's support finds the call.
    pub trace: Option<String>,
    /// `true` if Meta marks the error as temporary.
    pub transient: bool,
}

impl ApiError {
    /// Parses Meta's JSON of an error. Returns `None` if it has no error code.
    pub(crate) fn parse(error: &JsonObject) -> Option<Self> {
        let data = error.get("error_data");
        let details = match data {
            // Some error responses have the text itself in `error_data`, instead of an object with `details`.
            Some(Value::String(_)) => error.text("error_data"),
            _ => data.and_then(Value::as_object).and_then(|it| it.text("details")),
        };
        let is_printable = |it: &String| it.len() <= MAX_TRACE_BYTES && it.bytes().all(|it| it.is_ascii_graphic());
        Some(Self {
            code: error.integer("code")?,
            title: error.text("title").or_else(|| error.text("message")),
            details,
            trace: error.text("fbtrace_id").filter(is_printable),
            transient: error.is_true("is_transient"),
        })
    }

    /// Returns the error policy for the code. An unknown code is retried if Meta marks the error as temporary.
    pub fn policy(&self) -> ErrorPolicy {
        match error_codes::lookup(self.code) {
            None if self.transient => error_codes::INTERNAL_ERROR,
            _ => policy_for_code(self.code),
        }
    }

    /// Returns our own sentence about the error, for staff. It contains no text of Meta.
    pub fn sentence(&self) -> String {
        match error_codes::lookup(self.code) {
            Some((_, sentence)) => sentence.to_owned(),
            None => format!("WhatsApp refused this message (error {}). Please tell your administrator.", self.code),
        }
    }
}

/// Returns the error policy for an error of which only the code is stored. Unknown codes fail.
pub fn policy_for_code(code: i64) -> ErrorPolicy {
    error_codes::lookup(code).map_or(ErrorPolicy::Fail, |(policy, _)| policy)
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

    fn parse(error: &Value) -> Option<ApiError> {
        ApiError::parse(error.as_object().unwrap())
    }

    #[test]
    fn errors_of_responses_and_webhooks_are_parsed_alike() {
        let in_response = parse(&json!({
            "message": "(#131056) pair rate limit hit", "type": "OAuthException", "code": 131056,
            "error_data": {"messaging_product": "whatsapp", "details": "Too many messages."},
            "error_subcode": 2_494_055, "fbtrace_id": "AbCdEf123"
        }))
        .unwrap();
        assert_eq!((in_response.code, in_response.policy()), (131056, ErrorPolicy::RetryForPair));
        assert_eq!(in_response.title.as_deref(), Some("(#131056) pair rate limit hit"));
        assert_eq!(
            (in_response.details.as_deref(), in_response.trace.as_deref()),
            (Some("Too many messages."), Some("AbCdEf123"))
        );
        let in_webhook =
            parse(&json!({"code": "131047", "title": "Re-engagement", "message": "x", "error_data": "Over."})).unwrap();
        assert_eq!(
            (in_webhook.code, in_webhook.title.as_deref(), in_webhook.details.as_deref()),
            (131047, Some("Re-engagement"), Some("Over."))
        );
    }

    #[test]
    fn an_error_without_a_code_is_none() {
        for bad in
            [json!({}), json!({"message": "x"}), json!({"code": "x"}), json!({"code": null}), json!({"code": 1.5})]
        {
            assert_eq!(parse(&bad), None);
        }
    }

    #[test]
    fn an_unknown_code_fails_unless_it_is_transient() {
        let unknown = parse(&json!({"code": 987_654, "message": "Text of Meta"})).unwrap();
        assert_eq!(unknown.sentence(), "WhatsApp refused this message (error 987654). Please tell your administrator.");
        assert_eq!(unknown.policy(), ErrorPolicy::Fail);
        let transient = parse(&json!({"code": 987_654, "is_transient": true})).unwrap();
        assert!(transient.policy().retry_delay(0).is_some());
    }

    #[test]
    fn output_omits_the_texts_of_meta() {
        let error = parse(&json!({
            "code": 131030, "message": "+447700900123 is not on the list", "error_data": "+447700900123",
            "fbtrace_id": "A1"
        }))
        .unwrap();
        let output = format!("{error} {error:?} {}", error.sentence());
        assert!(output.starts_with("error 131030 (trace A1)") && !output.contains("4477"), "{output}");
        assert_eq!(parse(&json!({"code": 1, "fbtrace_id": "a\nb"})).unwrap().trace, None);
    }
}
