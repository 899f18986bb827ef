//! The request bodies as OpenAPI describes them. They are read in [`crate::request`];
//! `.ci/schemathesis` holds the two against each other.

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// White space at both ends is cut off; then 1 to 200 characters, none of them a control character.
/// JSON Schema counts before cutting, so the rule is a pattern and not a length.
const NAME_PATTERN: &str = concat!(
    r"^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"([^\u0000-\u001f\u007f-\u009f]{0,198}",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000])?",
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

impl ToSchema for NewUser {
    fn name() -> Cow<'static, str> {
        "NewUser".into()
    }
}

impl PartialSchema for UserChanges {
    fn schema() -> RefOr<Schema> {
        fields().examples([json!({"name": "Test User"})]).into()
    }
}

impl ToSchema for UserChanges {
    fn name() -> Cow<'static, str> {
        "UserChanges".into()
    }
}

fn fields() -> ObjectBuilder {
    let email = text()
        .description(Some(
            "An address of RFC 5321, kept as typed; it belongs to one user, whatever its case",
        ))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::IdnEmail)))
        .max_length(Some(254));
    let name = text()
        .description(Some(
            "1 to 200 characters without control characters; white space around it is cut off",
        ))
        .pattern(Some(NAME_PATTERN));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("email", email)
        .property("name", name)
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}
