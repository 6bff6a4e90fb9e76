//! Verification of the webhook subscription: the `GET` that Meta sends when the webhook is set up.

use subtle::ConstantTimeEq;
use url::form_urlencoded;

/// Returns the challenge, which is the response body, if `query` (without `?`) is a subscription request with our
/// verify token. Returns `None` otherwise, or if our verify token is empty.
///
/// The verify token is compared in constant time. If a parameter is repeated, the first one counts.
pub fn verify_subscription(query: &str, verify_token: &str) -> Option<String> {
    if verify_token.is_empty() {
        return None;
    }
    let parameter =
        |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
    let token = parameter("hub.verify_token")?;
    let has_token = bool::from(verify_token.as_bytes().ct_eq(token.as_bytes()));
    if has_token && parameter("hub.mode")? == "subscribe" { parameter("hub.challenge").map(String::from) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verify(query: &str) -> Option<String> {
        verify_subscription(query, "a token+1")
    }

    #[test]
    fn the_challenge_is_returned_decoded() {
        for (query, challenge) in [
            ("hub.mode=subscribe&hub.challenge=739201554&hub.verify_token=a%20token%2B1", "739201554"),
            ("hub.verify_token=a+token%2b1&x=1&hub.challenge=%22%C3%A4%26%22&hub.mode=subscribe", "\"ä&\""),
            ("hub%2Emode=subscribe&hub%2echallenge=1&hub.verify_token=a+token%2B1", "1"),
            ("hub.mode=subscribe&hub.challenge=&hub.verify_token=a+token%2B1", ""),
        ] {
            assert_eq!(verify(query).as_deref(), Some(challenge), "{query}");
        }
    }

    #[test]
    fn any_other_query_is_refused() {
        for query in [
            "",
            "hub.mode=subscribe&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=a+token%2B1",
            "hub.challenge=1&hub.verify_token=a+token%2B1",
            "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=a+token%2B1",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=a+token+1",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=a+token%2B1+",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=A+token%2B1",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
            "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x&hub.verify_token=a+token%2B1",
            "hub_mode=subscribe&hub_challenge=1&hub_verify_token=a+token%2B1",
        ] {
            assert_eq!(verify(query), None, "{query}");
        }
        assert_eq!(verify_subscription("hub.mode=subscribe&hub.challenge=1&hub.verify_token=", ""), None);
    }

    proptest! {
        #[test]
        fn an_arbitrary_query_is_refused(query in r"\PC*|([a-z.=&%+]|hub\.|%[0-9a-fA-F]{0,2}){0,80}") {
            prop_assert_eq!(verify(&query), None);
        }

        #[test]
        fn every_challenge_and_token_is_decoded(challenge in r"\PC*", token in r"\PC+") {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("hub.mode", "subscribe").append_pair("hub.challenge", &challenge);
            let query = query.append_pair("hub.verify_token", &token).finish();
            prop_assert_eq!(verify_subscription(&query, &token), Some(challenge));
        }
    }
}
