//! Refresh tokens, and what presenting one leads to.
//!
//! A token is computed from its session and generation alone, so the current one can be given
//! again (to a second tab, after a lost answer) although none is ever stored.

use crate::ShortSecret;
use crate::tokens::long_enough;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::SessionId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How long the token that was superseded last is still answered with the current one.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(60);

/// Keeps this key apart from all else that is derived from the same secret.
const LABEL: &[u8] = b"message_manager refresh token v1";

const SESSION_BYTES: usize = size_of::<u128>();
const BODY_BYTES: usize = SESSION_BYTES + size_of::<u32>();

/// Mints and verifies refresh tokens: base64url of session, generation and their HMAC-SHA256.
#[derive(Clone)]
pub struct RefreshTokens {
    keyed: Hmac<Sha256>,
}

redacted!(RefreshTokens);

impl RefreshTokens {
    /// Tokens under a key derived from this secret; the access tokens may share the secret.
    ///
    /// # Errors
    /// [`ShortSecret`] for fewer than 32 bytes.
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecret> {
        let key = hmac(long_enough(secret)?).chain_update(LABEL).finalize().into_bytes();
        Ok(Self { keyed: hmac(&key) })
    }

    /// The token of this generation of this session: always the same one.
    pub fn mint(&self, session: SessionId, generation: u32) -> String {
        let mut token = [session.0.to_be_bytes().as_slice(), &generation.to_be_bytes()].concat();
        let tag = self.keyed.clone().chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&tag);
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// Session and generation of a token of ours; none for anything else.
    pub fn verify(&self, token: &str) -> Option<(SessionId, u32)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY_BYTES)?;
        // In constant time, so that a tag cannot be found byte by byte.
        self.keyed.clone().chain_update(body).verify_slice(tag).ok()?;
        let (session, generation) = body.split_at_checked(SESSION_BYTES)?;
        let session = SessionId(u128::from_be_bytes(session.try_into().ok()?));
        Some((session, u32::from_be_bytes(generation.try_into().ok()?)))
    }
}

/// What is known of a session when one of its refresh tokens is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// The generation whose token is the current one.
    pub generation: u32,
    /// The generation that was superseded last by its token, and when; none where none was.
    pub superseded: Option<(u32, DateTime<Utc>)>,
    /// Whether the presented generation was superseded by a refresh by cookie.
    pub presented_void: bool,
}

/// What presenting a refresh token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It is the current one: the next generation is answered.
    Rotate,
    /// It was superseded a moment ago (two tabs, a lost answer): the current one is answered.
    AnswerCurrent,
    /// 401, and nothing else happens.
    Refuse,
    /// A used token came back: it was stolen, or its successor was. 401, and the session ends.
    RevokeSession,
}

/// What presenting the token of generation `presented` leads to.
pub fn decide(state: &RefreshState, presented: u32, now: DateTime<Utc>) -> Refreshed {
    if presented == state.generation {
        Refreshed::Rotate
    } else if state.presented_void || presented > state.generation {
        Refreshed::Refuse
    } else if state.superseded.is_some_and(|(last, at)| presented == last && now - at <= REFRESH_GRACE) {
        Refreshed::AnswerCurrent
    } else {
        Refreshed::RevokeSession
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
    const SESSION: SessionId = SessionId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

    fn tokens() -> RefreshTokens {
        RefreshTokens::new(SECRET).unwrap()
    }

    #[test]
    fn a_token_can_be_made_again_and_read() {
        let token = tokens().mint(SESSION, 5);
        assert_eq!(token, tokens().mint(SESSION, 5));
        assert_eq!(tokens().verify(&token), Some((SESSION, 5)));
        assert_eq!(token.len(), 70);
        for (session, generation) in [(SessionId(0), 0), (SessionId(u128::MAX), u32::MAX)] {
            assert_eq!(tokens().verify(&tokens().mint(session, generation)), Some((session, generation)));
        }
    }

    #[test]
    fn another_secret_is_refused() {
        let other = RefreshTokens::new(b"another secret that is long enough!").unwrap();
        assert_eq!(tokens().verify(&other.mint(SESSION, 5)), None);
        assert_eq!(RefreshTokens::new(&SECRET[1..]).unwrap_err(), ShortSecret);
        assert_eq!(format!("{:?}", tokens()), "RefreshTokens(redacted)");
    }

    #[test]
    fn the_key_is_not_the_secret_itself() {
        let body = [SESSION.0.to_be_bytes().as_slice(), &5_u32.to_be_bytes()].concat();
        let tag = hmac(SECRET).chain_update(&body).finalize().into_bytes();
        assert_eq!(tokens().verify(&BASE64_URL_SAFE_NO_PAD.encode([body, tag.to_vec()].concat())), None);
    }

    #[test]
    fn truncated_ones_are_refused() {
        let token = tokens().mint(SESSION, 5);
        for end in 0..token.len() {
            assert_eq!(tokens().verify(&token[..end]), None);
        }
    }

    proptest! {
        #[test]
        fn no_text_verifies(text in r"\PC*|[A-Za-z0-9_-]{60,80}") {
            prop_assert_eq!(tokens().verify(&text), None);
        }

        #[test]
        fn no_mutation_verifies(
            at in any::<prop::sample::Index>(),
            cut in 0..4_usize,
            put in r"[A-Za-z0-9_=-]{0,4}|\PC",
        ) {
            let good = tokens().mint(SESSION, 5);
            let at = at.index(good.len());
            let bad = format!("{}{put}{}", &good[..at], &good[(at + cut).min(good.len())..]);
            prop_assume!(bad != good);
            prop_assert_eq!(tokens().verify(&bad), None);
        }
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_760_000_000, 0).unwrap()
    }

    /// Generation 5 is current; 4 was superseded by a token so many milliseconds ago.
    fn superseded(ago: i64) -> RefreshState {
        let superseded = Some((4, now() - TimeDelta::milliseconds(ago)));
        RefreshState { generation: 5, superseded, presented_void: false }
    }

    #[test]
    fn the_current_one_rotates() {
        assert_eq!(decide(&superseded(0), 5, now()), Refreshed::Rotate);
        let first = RefreshState { generation: 0, superseded: None, presented_void: false };
        assert_eq!(decide(&first, 0, now()), Refreshed::Rotate);
    }

    #[test]
    fn the_one_superseded_last_is_good_for_60_seconds() {
        assert_eq!(decide(&superseded(0), 4, now()), Refreshed::AnswerCurrent);
        assert_eq!(decide(&superseded(60_000), 4, now()), Refreshed::AnswerCurrent);
        assert_eq!(decide(&superseded(60_001), 4, now()), Refreshed::RevokeSession);
        assert_eq!(decide(&superseded(-1_000), 4, now()), Refreshed::AnswerCurrent, "a clock that went back");
    }

    #[test]
    fn an_older_one_revokes_the_session() {
        for presented in 0..=3 {
            assert_eq!(decide(&superseded(0), presented, now()), Refreshed::RevokeSession);
        }
        assert_eq!(decide(&RefreshState { superseded: None, ..superseded(0) }, 4, now()), Refreshed::RevokeSession);
    }

    #[test]
    fn the_grace_outlives_a_refresh_by_cookie() {
        let state = RefreshState { generation: 6, ..superseded(1_000) };
        assert_eq!(decide(&state, 4, now()), Refreshed::AnswerCurrent);
    }

    #[test]
    fn one_that_a_cookie_superseded_is_only_refused() {
        for (ago, presented) in [(0, 4), (60_001, 4), (0, 1)] {
            let state = RefreshState { presented_void: true, ..superseded(ago) };
            assert_eq!(decide(&state, presented, now()), Refreshed::Refuse);
        }
    }

    #[test]
    fn one_that_was_never_given_out_is_only_refused() {
        assert_eq!(decide(&superseded(0), 6, now()), Refreshed::Refuse);
        assert_eq!(decide(&superseded(0), u32::MAX, now()), Refreshed::Refuse);
    }
}
