use super::*;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use proptest::prelude::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const CALLER: Caller = Caller { staff: StaffId(7), hotel: HotelId(3), session: SessionId(0xabc) };

fn tokens() -> AccessTokens {
    AccessTokens::new(SECRET).unwrap()
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_760_000_000, 0).unwrap()
}

/// Returns a JWT of this header and these claims, always signed with HS256 and the secret, whatever its header says.
fn signed(header: &str, claims: &str) -> String {
    let message = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    let signature = sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn claims(change: impl FnOnce(&mut String)) -> String {
    let sid = "3.00000000000000000000000000000abc";
    let mut text = format!(r#"{{"iss":"message_manager","sub":"7","sid":"{sid}","iat":1760000000,"exp":1760000900}}"#);
    change(&mut text);
    text
}

const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

// Without exactly one crypto provider jsonwebtoken panics at the first use, which this test detects.
#[test]
fn a_minted_token_verifies_until_it_expires() {
    let token = tokens().mint(&CALLER, now());
    assert_eq!(tokens().verify(&token, now()), Ok(CALLER));
    assert_eq!(tokens().verify(&token, now() + ACCESS_TOKEN_LIFETIME - TimeDelta::seconds(1)), Ok(CALLER));
    assert_eq!(tokens().verify(&token, now() + ACCESS_TOKEN_LIFETIME), Err(BadToken::Expired));
    assert_eq!(tokens().verify(&token, now() - TimeDelta::hours(1)), Ok(CALLER), "another node's clock may be ahead");
}

#[test]
fn the_claims_are_those_of_the_contract() {
    assert_eq!(tokens().mint(&CALLER, now()), signed(HS256, &claims(|_| ())));
}

#[test]
fn only_hs256_is_accepted() {
    for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256", ""] {
        let header = HS256.replace("HS256", alg);
        let token = signed(&header, &claims(|_| ()));
        assert_eq!(tokens().verify(&token, now()), Err(BadToken::Invalid), "{alg}");
        let (message, _) = token.rsplit_once('.').unwrap();
        assert_eq!(tokens().verify(&format!("{message}."), now()), Err(BadToken::Invalid), "{alg}, unsigned");
    }
    let claims = Claims {
        iss: ISSUER.into(),
        sub: "7".into(),
        sid: "3.abc".into(),
        iat: now().timestamp(),
        exp: now().timestamp() + 900,
    };
    let hs512 = encode(&Header::new(Algorithm::HS512), &claims, &EncodingKey::from_secret(SECRET)).unwrap();
    assert_eq!(tokens().verify(&hs512, now()), Err(BadToken::Invalid), "correctly signed with HS512");
}

#[test]
fn another_secret_or_a_changed_payload_is_refused() {
    let other = AccessTokens::new(b"another secret that is long enough!").unwrap();
    assert_eq!(tokens().verify(&other.mint(&CALLER, now()), now()), Err(BadToken::Invalid));

    let mine = tokens().mint(&CALLER, now());
    let yours = tokens().mint(&Caller { staff: StaffId(8), ..CALLER }, now());
    let (payload, _) = yours.rsplit_once('.').unwrap();
    let (_, signature) = mine.rsplit_once('.').unwrap();
    assert_eq!(tokens().verify(&format!("{payload}.{signature}"), now()), Err(BadToken::Invalid));
}

#[test]
fn other_signed_texts_are_refused() {
    type Change = fn(&mut String);
    let changes: [(&str, Change); 9] = [
        ("another issuer", |c| *c = c.replace("message_manager", "other")),
        ("no issuer", |c| *c = c.replace("iss", "xss")),
        ("no expiry", |c| *c = c.replace("exp", "xxp")),
        ("no session", |c| *c = c.replace("sid", "xid")),
        ("an invalid session", |c| *c = c.replace("0abc", "0xyz")),
        ("no hotel", |c| *c = c.replace("3.0", "0")),
        ("an invalid hotel", |c| *c = c.replace("3.0", "x.0")),
        ("an invalid staff id", |c| *c = c.replace(r#""7""#, r#""seven""#)),
        ("no JSON", |c| c.truncate(20)),
    ];
    for (case, change) in changes {
        assert_eq!(tokens().verify(&signed(HS256, &claims(change)), now()), Err(BadToken::Invalid), "{case}");
    }
}

#[test]
fn truncated_tokens_and_garbage_are_refused() {
    let token = tokens().mint(&CALLER, now());
    for end in 0..token.len() {
        assert_eq!(tokens().verify(&token[..end], now()), Err(BadToken::Invalid));
    }
    for garbage in ["", ".", "..", "...", "a.b.c", "\0.\0.\0", "ü.ü.ü", " ", &format!("{token}."), &format!(" {token}")]
    {
        assert_eq!(tokens().verify(garbage, now()), Err(BadToken::Invalid), "{garbage:?}");
    }
}

#[test]
fn a_secret_needs_32_bytes() {
    assert_eq!(AccessTokens::new(&SECRET[..31]).unwrap_err(), ShortSecret);
    assert_eq!(format!("{:?}", tokens()), "AccessTokens(redacted)");
}

proptest! {
    #[test]
    fn no_text_verifies(text in r"\PC*|[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*") {
        prop_assert_eq!(tokens().verify(&text, now()), Err(BadToken::Invalid));
    }

    #[test]
    fn no_signed_header_or_payload_panics(header in r#"\PC*|\{("alg":"HS256"|"typ":1|,)*\}"#, payload in r"\PC*") {
        prop_assert!(tokens().verify(&signed(&header, &payload), now()).is_err());
    }

    #[test]
    fn no_mutation_of_a_valid_token_verifies(
        at in any::<prop::sample::Index>(),
        cut in 0..4_usize,
        put in r"[A-Za-z0-9_.=-]{0,4}|\PC",
    ) {
        let good = tokens().mint(&CALLER, now());
        let at = at.index(good.len());
        let bad = format!("{}{put}{}", &good[..at], &good[(at + cut).min(good.len())..]);
        prop_assume!(bad != good);
        prop_assert_eq!(tokens().verify(&bad, now()), Err(BadToken::Invalid));
    }
}
