//! How an interface is declared: one table gives the types of its calls and replies, the reading of a call, and
//! its introspection.

use std::cell::RefCell;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess};
use serde_json::{Map, Value};
use zlink::idl;
use zlink::introspect::Type;

use crate::call::CallProblem;

/// The parameters of one method, and all that belongs to it.
pub trait Method: Serialize + DeserializeOwned + Type + Debug {
    /// The method's full name: `io.carpus.Session.Attach`.
    const NAME: &'static str;
    /// Whether it answers with a stream of replies; then it must be called with `more`.
    const STREAMS: bool;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned + Type + Debug;
    /// How it refuses.
    type Error: Serialize + DeserializeOwned + Debug;
}

/// The answer of a method that has nothing to tell but that it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, Type)]
pub struct Done {}

/// Reads the parameters of a call; none at all, or `null`, count as an empty object.
pub(crate) fn parameters<M: Method>(given: Option<Value>) -> Result<M, CallProblem> {
    let members = match given {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(members)) => members,
        Some(_) => {
            return Err(CallProblem::invalid("parameters", "the parameters are not an object"));
        }
    };
    if let Some(missing) = first_missing(M::TYPE, &members) {
        return Err(CallProblem::invalid(&missing, "it is missing"));
    }
    let current = RefCell::new(None);
    let tracked = Tracked { members: members.into_iter(), value: None, current: &current };
    let read = M::deserialize(MapAccessDeserializer::new(tracked));
    read.map_err(|error| {
        let parameter = current.take().unwrap_or_else(|| "parameters".to_owned());
        CallProblem::invalid(&parameter, &error.to_string())
    })
}

/// The parameters of a call as JSON.
pub(crate) fn written<M: Method>(call: &M) -> Value {
    serde_json::to_value(call).expect("the parameters have string keys and finite numbers only")
}

/// The first member that the type needs and the object lacks.
fn first_missing(needs: &idl::Type<'_>, members: &Map<String, Value>) -> Option<String> {
    let fields = needs.as_object()?;
    let mut needed = fields.iter().filter(|field| field.ty().as_optional().is_none());
    needed.find(|field| !members.contains_key(field.name().as_str())).map(|field| field.name().to_string())
}

/// The members of an object, noting which one is being read, so that an error can name it.
struct Tracked<'a> {
    members: serde_json::map::IntoIter,
    value: Option<Value>,
    current: &'a RefCell<Option<String>>,
}

impl<'de> MapAccess<'de> for Tracked<'_> {
    type Error = serde_json::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((key, value)) = self.members.next() else {
            self.current.replace(None);
            return Ok(None);
        };
        self.value = Some(value);
        self.current.replace(Some(key.clone()));
        seed.deserialize(key.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Self::Error> {
        seed.deserialize(self.value.take().unwrap_or(Value::Null))
    }
}

/// Declares an interface as a table of its methods. See `session.rs` for one.
///
/// A `method` answers once, a `stream` answers until it is over. Each gets a struct of its parameters that
/// implements [`Method`] and refuses members it does not know, and a struct of its reply (or [`Done`]). The enum
/// `Call` holds any call of the interface.
macro_rules! interface {
    (
        $(#[doc = $doc:literal])*
        interface $interface:literal;
        types [$($type:ty),* $(,)?];
        errors $error:ty = $errors:expr;
        $(
            $(#[doc = $method_doc:literal])*
            $answers:ident $method:ident {
                $( $(#[$field_meta:meta])* $field:ident: $field_type:ty, )*
            } -> $reply:ident $({
                $( $(#[$reply_meta:meta])* $reply_field:ident: $reply_type:ty, )*
            })?;
        )+
    ) => {
        /// The interface's name.
        pub const NAME: &str = $interface;

        /// The interface in Varlink's own language, as the service describes itself.
        pub const TEXT: &str = include_str!(concat!("../interfaces/", $interface, ".varlink"));

        const METHODS: &[&zlink::idl::Method<'static>] = &[$(
            &zlink::idl::Method::new(
                zlink::names::TypeName::from_static_str_unchecked(stringify!($method)),
                zlink::idl::flatten::object_fields(<$method as zlink::introspect::Type>::TYPE),
                zlink::idl::flatten::object_fields(<$reply as zlink::introspect::Type>::TYPE),
                &[$( &zlink::idl::Comment::new($method_doc), )*],
            ),
        )+];

        /// The interface as the Rust types of this module make it.
        pub const INTROSPECTION: &zlink::idl::Interface<'static> = &zlink::idl::Interface::new(
            zlink::names::InterfaceName::from_static_str_unchecked($interface),
            METHODS,
            &[$( <$type as zlink::introspect::CustomType>::CUSTOM_TYPE, )*],
            $errors,
            &[$( &zlink::idl::Comment::new($doc), )*],
        );

        /// Any call of this interface.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Call {
            $( $(#[doc = $method_doc])* $method($method), )+
        }

        impl Call {
            /// Reads a call by the name of its method, without the interface.
            ///
            /// # Errors
            /// When there is no such method, or the parameters do not fit it.
            pub fn parse(
                method: &str,
                parameters: Option<serde_json::Value>,
            ) -> Result<Self, $crate::CallProblem> {
                match method {
                    $( stringify!($method) => $crate::interface::parameters(parameters).map(Self::$method), )+
                    _ => Err($crate::CallProblem::MethodNotFound { method: format!("{NAME}.{method}") }),
                }
            }

            /// Whether it answers with a stream of replies.
            pub const fn streams(&self) -> bool {
                match self {
                    $( Self::$method(_) => <$method as $crate::Method>::STREAMS, )+
                }
            }

            /// The method's full name.
            pub const fn method(&self) -> &'static str {
                match self {
                    $( Self::$method(_) => <$method as $crate::Method>::NAME, )+
                }
            }

            /// The parameters, as they stand in a call.
            pub fn parameters(&self) -> serde_json::Value {
                match self {
                    $( Self::$method(call) => $crate::interface::written(call), )+
                }
            }
        }

        $(
            $(#[doc = $method_doc])*
            #[derive(
                Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, zlink::introspect::Type,
            )]
            #[serde(deny_unknown_fields)]
            pub struct $method {
                $( $(#[$field_meta])* pub $field: $field_type, )*
            }

            impl $crate::Method for $method {
                const NAME: &'static str = concat!($interface, ".", stringify!($method));
                const STREAMS: bool = $crate::interface::streams!($answers);
                type Reply = $reply;
                type Error = $error;
            }

            $(
                #[doc = concat!("What [`", stringify!($method), "`] answers.")]
                #[derive(
                    Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, zlink::introspect::Type,
                )]
                pub struct $reply {
                    $( $(#[$reply_meta])* pub $reply_field: $reply_type, )*
                }
            )?
        )+
    };
}

/// Whether a word of the table means a stream of replies.
macro_rules! streams {
    (method) => {
        false
    };
    (stream) => {
        true
    };
}

/// Makes each refusal of an interface an error with a sentence for people.
macro_rules! say {
    ($error:ident { $( $refusal:ident $({ $($field:ident),+ })? => $text:literal $(, $argument:expr)*; )+ }) => {
        impl std::fmt::Display for $error {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self {
                    $( Self::$refusal $({ $($field),+ })? => write!(out, $text $(, $argument)*), )+
                }
            }
        }

        impl std::error::Error for $error {}
    };
}

pub(crate) use {interface, say, streams};
