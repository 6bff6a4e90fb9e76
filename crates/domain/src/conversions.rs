//! Conversions from and to text that many types share, each with an error of its own.

/// Error: no value of the type has this name. Displays as a sentence for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("This must be one of: {}.", .names.join(", "))]
pub struct UnknownName {
    /// The names of all values.
    pub names: &'static [&'static str],
}

/// Implements `ALL`, `NAMES`, `as_str` and the parser for enums whose names are derived by the crate `strum`.
macro_rules! named_values {
    ($($type:ident),+ $(,)?) => {$(
        impl $type {
            /// All values of the enum, in the order of their declaration.
            pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
            /// The names of all values, in the order of `ALL`.
            pub const NAMES: &'static [&'static str] = <Self as strum::VariantNames>::VARIANTS;

            /// The name of the value in the database and in JSON.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or($crate::UnknownName { names: Self::NAMES })
            }
        }

        serde_as_text!($type);
    )+};
}

/// Implements the usual conversions of types that have `parse` and `as_str`: whichever is used, an invalid value cannot
/// be built.
macro_rules! parsed_texts {
    ($($type:ident: $error:ty),+ $(,)?) => {$(
        parsers!($type: $error);

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        serde_as_text!($type);
    )+};
}

/// Implements `FromStr` and `TryFrom` by `parse`.
macro_rules! parsers {
    ($type:ident: $error:ty) => {
        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $type {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, Self::Error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text)
            }
        }
    };
}

/// Implements serde's traits for a type that has `as_str` and `FromStr`.
macro_rules! serde_as_text {
    ($type:ident) => {
        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::{LabelColour, Name, Role, SessionId, StayId, UnknownName, ids::BadId, text::BadText};

    #[test]
    fn names_of_values_are_parsed_exactly() {
        assert_eq!("manager".parse(), Ok(Role::Manager));
        for bad in ["", "Manager", " manager", "managers"] {
            assert_eq!(bad.parse::<Role>(), Err(UnknownName { names: &["staff", "manager"] }), "{bad:?}");
        }
        assert_eq!(UnknownName { names: Role::NAMES }.to_string(), "This must be one of: staff, manager.");
        for colour in LabelColour::ALL {
            assert_eq!(colour.as_str().parse(), Ok(*colour));
        }
    }

    #[test]
    fn texts_are_refused_by_every_conversion() {
        assert_eq!(" Ann ".parse::<Name>().unwrap().as_ref(), "Ann");
        assert_eq!(Name::try_from(" "), Err(BadText::Empty));
        assert_eq!(Name::try_from("a\0".to_owned()), Err(BadText::Nul));
    }

    #[test]
    fn ids_are_positive() {
        assert_eq!("17".parse(), Ok(StayId(17)));
        for bad in ["", "0", "-1", "+1", "1.0", " 1", "9223372036854775808", "x"] {
            assert_eq!(bad.parse::<StayId>(), Err(BadId), "{bad:?}");
        }
        assert_eq!((StayId::try_from(0), StayId::try_from(1)), (Err(BadId), Ok(StayId(1))));
        let session = SessionId(0xab);
        assert_eq!(session.to_string().parse(), Ok(session));
        for bad in ["", "ab", "+00000000000000000000000000000ab", &"0".repeat(33), &"g".repeat(32), &"A".repeat(32)] {
            assert_eq!(bad.parse::<SessionId>(), Err(BadId), "{bad:?}");
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn json_is_checked_like_text() {
        use serde_json::{from_str, to_string};

        use crate::{MessageText, PhoneNumber, Seq, phone::Country};

        assert_eq!(to_string(&(StayId(4), Role::Staff, Country::parse("ES").unwrap())).unwrap(), r#"[4,"staff","ES"]"#);
        assert_eq!(from_str::<(StayId, Seq)>("[4,0]").unwrap(), (StayId(4), Seq(0)));
        assert_eq!(from_str::<MessageText>(r#"" hello ""#).unwrap().as_str(), "hello");
        assert!(from_str::<MessageText>(r#"" ""#).is_err() && from_str::<StayId>("0").is_err());
        assert!(from_str::<Seq>("-1").is_err() && from_str::<Role>(r#""boss""#).is_err());
        assert!(from_str::<PhoneNumber>(r#""34600000001""#).is_err());
        let session = SessionId(7);
        assert_eq!(from_str::<SessionId>(&to_string(&session).unwrap()).unwrap(), session);
    }
}
