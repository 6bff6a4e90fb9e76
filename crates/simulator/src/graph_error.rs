//! Errors of the Graph API, in responses and in receipts.

use serde_json::{Value, json};

/// An error of the Graph API.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GraphError {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) subcode: Option<i64>,
    pub(crate) details: String,
    /// The header `Retry-After` of the error response, in seconds. Meta does not document this header.
    pub(crate) retry_after: Option<u64>,
}

impl GraphError {
    /// Creates an error with the usual HTTP status of the error code.
    pub(crate) fn new(code: i64, details: impl Into<String>) -> Self {
        Self { status: http_status(code), code, subcode: None, details: details.into(), retry_after: None }
    }

    /// Creates the error for an invalid, missing or unknown parameter.
    pub(crate) fn parameter(details: impl Into<String>) -> Self {
        Self::new(100, details)
    }

    /// Creates the error for a required parameter that is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new(131008, format!("The parameter {name} is required."))
    }

    /// Creates the error for a parameter with an invalid value.
    pub(crate) fn value(details: impl Into<String>) -> Self {
        Self::new(131009, details)
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(190, "The access token is invalid, has expired or was revoked.")
    }

    /// Creates the error for an object that is missing or belongs to another account.
    pub(crate) fn unknown_object(id: &str) -> Self {
        let details = format!("Object with ID '{id}' does not exist or cannot be loaded due to missing permissions.");
        Self { subcode: Some(33), ..Self::parameter(details) }
    }

    pub(crate) fn response_body(&self) -> Value {
        let mut error = json!({
            "message": format!("(#{}) {}", self.code, title(self.code)),
            "type": "OAuthException",
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
            "fbtrace_id": format!("A{:022x}", rand::random::<u64>()),
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        json!({ "error": error })
    }
}

/// Returns the JSON of an error, as an element of `errors` of a receipt or message.
pub(crate) fn error_element(code: i64, details: &str) -> Value {
    let title = title(code);
    json!({
        "code": code,
        "title": title,
        "message": title,
        "error_data": { "details": details },
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    })
}

/// Returns `true` for the error codes whose HTTP status is `rate_limit_status` of the settings.
pub(crate) fn is_rate_limit(code: i64) -> bool {
    matches!(code, 4 | 80007 | 130429 | 131056)
}

/// Returns the usual HTTP status of an error code.
fn http_status(code: i64) -> u16 {
    match code {
        0 | 190 => 401,
        3 | 10 | 200..=299 | 368 | 130403 | 130497 | 131005 | 131031 => 403,
        132001 => 404,
        1 | 131000 | 131016 | 131057 => 500,
        2 | 133004 => 503,
        _ => 400,
    }
}

/// Returns the title that Meta gives an error code.
fn title(code: i64) -> &'static str {
    match code {
        0 => "AuthException",
        1 => "API Unknown",
        2 => "API Service",
        3 => "API Method",
        4 => "API Too Many Calls",
        10 => "Permission Denied",
        33 => "Parameter value is not valid",
        100 => "Invalid parameter",
        190 => "Access token has expired",
        200..=299 => "API Permission",
        368 => "Temporarily blocked for policies violations",
        80007 => "Rate limit issues",
        130403 => "User blocked by the business",
        130429 => "Rate limit hit",
        130472 => "User's number is part of an experiment",
        130497 => "Business account is restricted from messaging users in this country",
        131000 => "Something went wrong",
        131005 => "Access denied",
        131008 => "Required parameter is missing",
        131009 => "Parameter value is not valid",
        131016 => "Service unavailable",
        131021 => "Recipient cannot be sender",
        131026 => "Message undeliverable",
        131030 => "Recipient phone number not in allowed list",
        131031 => "Account has been locked",
        131037 => "Display name approval needed",
        131042 => "Business eligibility payment issue",
        131045 => "Incorrect certificate",
        131047 => "Re-engagement message",
        131048 => "Spam rate limit hit",
        131049 => "Not delivered to maintain healthy ecosystem engagement",
        131050 => "User has stopped marketing messages",
        131051 => "Unsupported message type",
        131052 => "Media download error",
        131053 => "Media upload error",
        131056 => "(Business account, consumer account) pair rate limit hit",
        131057 => "Account in maintenance mode",
        131060 => "Message not available",
        131062 => "Business-scoped user id is not allowed for this message",
        131064 => "Account restricted by classification",
        132000 => "Template param count mismatch",
        132001 => "Template does not exist",
        132005 => "Template hydrated text too long",
        132007 => "Template format character policy violated",
        132012 => "Template parameter format mismatch",
        132015 => "Template is paused",
        132016 => "Template is disabled",
        133004 => "Server temporarily unavailable",
        133010 => "Phone number not registered",
        135000 => "Generic user error",
        137000 => "Identity key hash mismatch",
        _ => "Error",
    }
}
