//! The committed `.varlink` texts, the Rust types, and Varlink's grammar agree.

#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fmt::Write;
use std::path::PathBuf;

use carpus_protocol::{apps, devices, haptics, monitor, service, session, simulation, wrist};
use zlink::idl::{Comment, CustomType, Field, Interface, List, Type};

/// Each interface: its introspection and its committed text.
const INTERFACES: [(&Interface<'static>, &str); 8] = [
    (service::INTROSPECTION, service::TEXT),
    (session::INTROSPECTION, session::TEXT),
    (devices::INTROSPECTION, devices::TEXT),
    (haptics::INTROSPECTION, haptics::TEXT),
    (apps::INTROSPECTION, apps::TEXT),
    (wrist::INTROSPECTION, wrist::TEXT),
    (monitor::INTROSPECTION, monitor::TEXT),
    (simulation::INTROSPECTION, simulation::TEXT),
];

#[test]
fn the_texts_are_what_the_types_say() {
    for (introspection, text) in INTERFACES {
        let name = introspection.name();
        let expected = written(introspection);
        if std::env::var_os("CARPUS_UPDATE").is_some() {
            let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("interfaces/{name}.varlink"));
            std::fs::write(path, &expected).unwrap();
        } else {
            assert_eq!(
                text, expected,
                "{name}.varlink differs from the types; if the types are right, run \
                 `CARPUS_UPDATE=1 cargo test -p carpus-protocol --test descriptions`"
            );
        }
    }
}

#[test]
fn the_texts_are_varlink_and_mean_what_the_types_mean() {
    for (introspection, text) in INTERFACES {
        let parsed =
            Interface::try_from(text).unwrap_or_else(|error| panic!("{}: {error}", introspection.name()));
        assert_eq!(&parsed, introspection, "{}", introspection.name());
    }
}

#[test]
fn every_type_that_is_used_is_declared_and_every_declared_one_is_used() {
    for (introspection, _) in INTERFACES {
        let mut used = Vec::new();
        for method in introspection.methods() {
            method.inputs().chain(method.outputs()).for_each(|field| collect(field.ty(), &mut used));
        }
        for custom in introspection.custom_types().filter_map(CustomType::as_object) {
            custom.fields().for_each(|field| collect(field.ty(), &mut used));
        }
        used.sort();
        used.dedup();
        let mut declared: Vec<String> =
            introspection.custom_types().map(|custom| custom.name().to_string()).collect();
        declared.sort();
        assert_eq!(used, declared, "{}", introspection.name());
    }
}

fn collect(ty: &Type<'_>, into: &mut Vec<String>) {
    match ty {
        Type::Custom(name) => into.push(name.to_string()),
        Type::Optional(inner) | Type::Array(inner) | Type::Map(inner) => collect(inner.inner(), into),
        Type::Object(fields) => fields.iter().for_each(|field| collect(field.ty(), into)),
        Type::Bool
        | Type::Int
        | Type::Float
        | Type::String
        | Type::ForeignObject
        | Type::Any
        | Type::Enum(_) => {}
    }
}

/// An interface as text, one member a line, with the comments of the Rust types.
fn written(interface: &Interface<'_>) -> String {
    let mut text = String::new();
    comments(&mut text, "", interface.comments());
    writeln!(text, "interface {}", interface.name()).unwrap();
    for custom in interface.custom_types() {
        let object = custom.as_object().expect("the protocol declares objects only");
        text.push('\n');
        comments(&mut text, "", object.comments());
        write!(text, "type {} ", object.name()).unwrap();
        members(&mut text, object.fields());
        text.push('\n');
    }
    for method in interface.methods() {
        text.push('\n');
        comments(&mut text, "", method.comments());
        write!(text, "method {}", method.name()).unwrap();
        members(&mut text, method.inputs());
        text.push_str(" -> ");
        members(&mut text, method.outputs());
        text.push('\n');
    }
    for error in interface.errors() {
        text.push('\n');
        comments(&mut text, "", error.comments());
        write!(text, "error {} ", error.name()).unwrap();
        members(&mut text, error.fields());
        text.push('\n');
    }
    text
}

fn members<'a, 'b: 'a>(text: &mut String, fields: impl Iterator<Item = &'a Field<'b>>) {
    let fields: Vec<_> = fields.collect();
    text.push('(');
    for (index, field) in fields.iter().enumerate() {
        text.push('\n');
        comments(text, "  ", field.comments());
        let comma = if index + 1 < fields.len() { "," } else { "\n" };
        write!(text, "  {}: {}{comma}", field.name(), field.ty()).unwrap();
    }
    text.push(')');
}

fn comments<'a, 'b: 'a>(text: &mut String, indent: &str, lines: impl Iterator<Item = &'a Comment<'b>>) {
    for line in lines {
        writeln!(text, "{indent}# {}", line.content().trim()).unwrap();
    }
}

#[test]
fn an_empty_reply_is_an_empty_object() {
    let done = <carpus_protocol::Done as zlink::introspect::Type>::TYPE;
    assert_eq!(*done, Type::Object(List::Borrowed(&[])));
}
