//! The question by which Meta makes sure that a webhook is ours.

use url::form_urlencoded;

use crate::signature;

/// What to answer to `GET` with this query (without the `?`), as the bare body: the challenge, where
/// it is the question of a subscription and comes with our verify token; else none.
///
/// The token is compared in constant time. Without a token of ours nothing is answered.
pub fn challenge(query: &str, verify_token: &str) -> Option<String> {
    if verify_token.is_empty() {
        return None;
    }
    // The first of a name counts.
    let find =
        |name: &str| form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value);
    let asked = find("hub.mode")? == "subscribe" && signature::is_same(verify_token, &find("hub.verify_token")?);
    if asked { find("hub.challenge").map(String::from) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(query: &str) -> Option<String> {
        challenge(query, "a token+1")
    }

    #[test]
    fn the_challenge_is_given_back_as_it_was_meant() {
        for (query, answer) in [
            ("hub.mode=subscribe&hub.challenge=739201554&hub.verify_token=a%20token%2B1", "739201554"),
            ("hub.verify_token=a+token%2b1&x=1&hub.challenge=%22%C3%A4%26%22&hub.mode=subscribe", "\"ä&\""),
            ("hub%2Emode=subscribe&hub%2echallenge=1&hub.verify_token=a+token%2B1", "1"),
            ("hub.mode=subscribe&hub.challenge=&hub.verify_token=a+token%2B1", ""),
        ] {
            assert_eq!(ask(query).as_deref(), Some(answer), "{query}");
        }
    }

    #[test]
    fn anything_else_gets_nothing() {
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
            assert_eq!(ask(query), None, "{query}");
        }
        assert_eq!(challenge("hub.mode=subscribe&hub.challenge=1&hub.verify_token=", ""), None);
    }

    proptest! {
        #[test]
        fn any_query_can_be_asked(query in r"\PC*|([a-z.=&%+]|hub\.|%[0-9a-fA-F]{0,2}){0,80}") {
            prop_assert_eq!(ask(&query), None);
        }

        #[test]
        fn any_challenge_and_token_is_understood(asked in r"\PC*", token in r"\PC+") {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("hub.mode", "subscribe").append_pair("hub.challenge", &asked);
            let query = query.append_pair("hub.verify_token", &token).finish();
            prop_assert_eq!(challenge(&query, &token), Some(asked));
        }
    }
}
