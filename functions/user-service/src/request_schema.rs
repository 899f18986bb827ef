//! The request bodies as OpenAPI describes them. They are read in [`crate::request`];
//! `.ci/schemathesis` holds the two against each other.

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use fanout_openapi::text;

/// White space at both ends is cut off; then 1 to 200 characters, none of which controls lines or
/// direction. JSON Schema counts before cutting, so the rule is a pattern and not a length. That one
/// of them shows something takes a property that patterns have no short word for; here the first is
/// at least none of the usual invisible ones.
const NAME_PATTERN: &str = concat!(
    r"^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u00ad\u0300-\u036f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f",
    r"\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]",
    r"([^\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff]{0,198}",
    r"[^\u0000-\u0020\u007f-\u00a0\u061c\u1680\u2000-\u200a\u200e\u200f\u2028-\u202f\u205f\u2066-\u2069\u3000\ufdd0-\ufdef\ufffe\uffff])?",
    r"[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$",
);

/// The body of `POST /users`.
pub(crate) enum NewUser {}

/// The body of `PATCH /users/{id}`.
pub(crate) enum UserChanges {}

impl PartialSchema for NewUser {
    fn schema() -> RefOr<Schema> {
        let example = json!({"email": "test@example.com", "name": "Test User"});
        let body = fields().required("email").required("name");
        body.examples([example]).into()
    }
}

impl ToSchema for NewUser {}

impl PartialSchema for UserChanges {
    fn schema() -> RefOr<Schema> {
        fields().examples([json!({"name": "Test User"})]).into()
    }
}

impl ToSchema for UserChanges {}

fn fields() -> ObjectBuilder {
    let email = text()
        .description(Some(
            "An address of RFC 5321 or RFC 6531, kept as typed but composed (NFC); it belongs to one user, whatever its case",
        ))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::IdnEmail)))
        .max_length(Some(254));
    let name = text()
        .description(Some(
            "1 to 200 characters, at least one that shows, and none that controls lines or direction; white space around it is cut off",
        ))
        .pattern(Some(NAME_PATTERN));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("email", email)
        .property("name", name)
}
