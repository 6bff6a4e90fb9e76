//! Refresh tokens: minting, verification, and rotation with reuse detection.
//!
//! A refresh token is computed from session and generation, so the current token can be returned again (to a second
//! tab, or after a lost response) although no token is stored.
//!
//! ```text
//! generation n ──refresh by token──▶ n + 1     token n stays valid for REFRESH_GRACE and returns the current token;
//!                                              after that, its reuse ends the session (a token was stolen)
//! generation n ──refresh by cookie──▶ n + 1    token n is void: refused, without ending the session
//! ```

use crate::secrets::{ShortSecret, check_signing_secret};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use domain::SessionId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Grace period: for this long after a refresh, the superseded refresh token still returns the current one.
pub const REFRESH_GRACE: TimeDelta = TimeDelta::seconds(60);

/// Label for deriving the key of refresh tokens; separates it from other keys that are derived from the same signing
/// secret.
const KEY_LABEL: &[u8] = b"message_manager refresh token v1";

const SESSION_BYTES: usize = size_of::<u128>();
const BODY_BYTES: usize = SESSION_BYTES + size_of::<u32>();

/// Mints and verifies refresh tokens: base64url of session, generation and their HMAC-SHA256.
#[derive(Clone)]
pub struct RefreshTokens {
    keyed: Hmac<Sha256>,
}

redacted!(RefreshTokens);

impl RefreshTokens {
    /// Derives the key of refresh tokens from a signing secret, which access tokens may share. Fails for fewer than 32
    /// bytes.
    pub fn new(secret: &[u8]) -> Result<Self, ShortSecret> {
        let key = hmac(check_signing_secret(secret)?).chain_update(KEY_LABEL).finalize().into_bytes();
        Ok(Self { keyed: hmac(&key) })
    }

    /// Returns the refresh token for a generation of a session. The same arguments always give the same token.
    pub fn mint(&self, session: SessionId, generation: u32) -> String {
        let mut token = [session.0.to_be_bytes().as_slice(), &generation.to_be_bytes()].concat();
        let tag = self.keyed.clone().chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&tag);
        BASE64_URL_SAFE_NO_PAD.encode(token)
    }

    /// Returns session and generation of a refresh token, or `None` unless this secret signed it.
    pub fn verify(&self, token: &str) -> Option<(SessionId, u32)> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, tag) = bytes.split_at_checked(BODY_BYTES)?;
        // Compares the HMAC tag in constant time, so that a tag cannot be guessed byte by byte.
        self.keyed.clone().chain_update(body).verify_slice(tag).ok()?;
        let (session, generation) = body.split_at_checked(SESSION_BYTES)?;
        let session = SessionId(u128::from_be_bytes(session.try_into().ok()?));
        Some((session, u32::from_be_bytes(generation.try_into().ok()?)))
    }
}

/// What is stored about a session when one of its refresh tokens is presented: its generations of refresh tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// The session's current generation of refresh tokens.
    pub generation: u32,
    /// The generation whose token was used for the last refresh by token, and the time of that refresh.
    pub superseded: Option<(u32, DateTime<Utc>)>,
    /// Whether the presented refresh token is void, because a refresh by cookie superseded its generation.
    pub superseded_by_cookie: bool,
}

/// What to do with a presented refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshDecision {
    /// The refresh token is current: begin the next generation and return its token.
    Rotate,
    /// The refresh token was superseded a moment ago (two tabs, a lost response): return the current token.
    AnswerCurrent,
    /// The refresh token is not accepted: respond with 401 and leave the session alone.
    Refuse,
    /// A used refresh token is presented again, so it or its successor was stolen: respond with 401 and end the
    /// session.
    RevokeSession,
}

/// Decides whether a refresh token of generation `presented` is accepted.
pub fn decide_refresh(state: &RefreshState, presented: u32, now: DateTime<Utc>) -> RefreshDecision {
    if presented == state.generation {
        RefreshDecision::Rotate
    } else if state.superseded_by_cookie || presented > state.generation {
        RefreshDecision::Refuse
    } else if state.superseded.is_some_and(|(last, at)| presented == last && now - at <= REFRESH_GRACE) {
        RefreshDecision::AnswerCurrent
    } else {
        RefreshDecision::RevokeSession
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
    fn tokens_are_reproducible_and_verifiable() {
        let token = tokens().mint(SESSION, 5);
        assert_eq!(token, tokens().mint(SESSION, 5));
        assert_eq!(tokens().verify(&token), Some((SESSION, 5)));
        assert_eq!(token.len(), 70);
        for (session, generation) in [(SessionId(0), 0), (SessionId(u128::MAX), u32::MAX)] {
            assert_eq!(tokens().verify(&tokens().mint(session, generation)), Some((session, generation)));
        }
    }

    #[test]
    fn tokens_of_another_secret_are_refused() {
        let other = RefreshTokens::new(b"another secret that is long enough!").unwrap();
        assert_eq!(tokens().verify(&other.mint(SESSION, 5)), None);
        assert_eq!(RefreshTokens::new(&SECRET[1..]).unwrap_err(), ShortSecret);
        assert_eq!(format!("{:?}", tokens()), "RefreshTokens(redacted)");
    }

    #[test]
    fn the_key_differs_from_the_secret() {
        let body = [SESSION.0.to_be_bytes().as_slice(), &5_u32.to_be_bytes()].concat();
        let tag = hmac(SECRET).chain_update(&body).finalize().into_bytes();
        assert_eq!(tokens().verify(&BASE64_URL_SAFE_NO_PAD.encode([body, tag.to_vec()].concat())), None);
    }

    #[test]
    fn truncated_tokens_are_refused() {
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

    /// Returns a session whose generation 5 is current; 4 was superseded by its token `ago` milliseconds ago.
    fn superseded(ago: i64) -> RefreshState {
        let superseded = Some((4, now() - TimeDelta::milliseconds(ago)));
        RefreshState { generation: 5, superseded, superseded_by_cookie: false }
    }

    #[test]
    fn the_current_token_rotates() {
        assert_eq!(decide_refresh(&superseded(0), 5, now()), RefreshDecision::Rotate);
        let first = RefreshState { generation: 0, superseded: None, superseded_by_cookie: false };
        assert_eq!(decide_refresh(&first, 0, now()), RefreshDecision::Rotate);
    }

    #[test]
    fn the_superseded_token_is_valid_for_60_seconds() {
        assert_eq!(decide_refresh(&superseded(0), 4, now()), RefreshDecision::AnswerCurrent);
        assert_eq!(decide_refresh(&superseded(60_000), 4, now()), RefreshDecision::AnswerCurrent);
        assert_eq!(decide_refresh(&superseded(60_001), 4, now()), RefreshDecision::RevokeSession);
        assert_eq!(
            decide_refresh(&superseded(-1_000), 4, now()),
            RefreshDecision::AnswerCurrent,
            "a clock that went back"
        );
    }

    #[test]
    fn an_older_token_revokes_the_session() {
        for presented in 0..=3 {
            assert_eq!(decide_refresh(&superseded(0), presented, now()), RefreshDecision::RevokeSession);
        }
        assert_eq!(
            decide_refresh(&RefreshState { superseded: None, ..superseded(0) }, 4, now()),
            RefreshDecision::RevokeSession
        );
    }

    #[test]
    fn a_refresh_by_cookie_keeps_the_grace_period() {
        let state = RefreshState { generation: 6, ..superseded(1_000) };
        assert_eq!(decide_refresh(&state, 4, now()), RefreshDecision::AnswerCurrent);
    }

    #[test]
    fn tokens_superseded_by_cookie_are_refused() {
        for (ago, presented) in [(0, 4), (60_001, 4), (0, 1)] {
            let state = RefreshState { superseded_by_cookie: true, ..superseded(ago) };
            assert_eq!(decide_refresh(&state, presented, now()), RefreshDecision::Refuse);
        }
    }

    #[test]
    fn unissued_generations_are_refused() {
        assert_eq!(decide_refresh(&superseded(0), 6, now()), RefreshDecision::Refuse);
        assert_eq!(decide_refresh(&superseded(0), u32::MAX, now()), RefreshDecision::Refuse);
    }
}
