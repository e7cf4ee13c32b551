//! Closed sets of names that travel as strings, such as `resigned-frontmost`.
//!
//! Varlink's own enumerations cannot hold a `-`, and the rules of the runtime are written with it; so these are
//! strings on the wire and enumerations in Rust.

/// The text is not one of the names that are allowed in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}; the names are: {}", .names.join(", "))]
pub struct UnknownName {
    /// What was looked for: `"haptic"`.
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// The names that are allowed.
    pub names: Vec<&'static str>,
}

/// Declares an enumeration whose values have a name each: `ALL`, `name()`, `Display`, `FromStr`, and serde and
/// introspection as a string.
macro_rules! names {
    (
        $(#[$meta:meta])*
        enum $enum:ident, a $what:literal {
            $( $(#[$value_meta:meta])* $value:ident = $text:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum {
            $( $(#[$value_meta])* $value, )+
        }

        impl $enum {
            /// Every value, in the order of the rules.
            pub const ALL: &'static [Self] = &[$( Self::$value, )+];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$value => $text, )+ }
            }
        }

        impl std::fmt::Display for $enum {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.pad(self.name())
            }
        }

        impl std::str::FromStr for $enum {
            type Err = $crate::names::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $( $text => Ok(Self::$value), )+
                    _ => Err($crate::names::UnknownName {
                        what: $what,
                        text: text.to_owned(),
                        names: Self::ALL.iter().map(|value| value.name()).collect(),
                    }),
                }
            }
        }

        impl serde::Serialize for $enum {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl zlink::introspect::Type for $enum {
            const TYPE: &'static zlink::idl::Type<'static> = &zlink::idl::Type::String;
        }
    };
}

pub(crate) use names;
