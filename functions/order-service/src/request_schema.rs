//! The body of `POST /orders` as OpenAPI describes it. It is read in [`crate::new_order`];
//! `.ci/schemathesis` holds the two against each other.

use std::borrow::Cow;

use fanout_contracts::MOST_LINES;
use fanout_openapi::text;
use serde_json::json;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::new_order::LARGEST_QUANTITY;

const IDENTIFIER: &str = "^[A-Za-z0-9_.:/-]{1,128}$";
/// Digits, and at most one point between them. How many may follow the point depends on the currency,
/// and how large the sum may be on all items, which no schema can say.
const DECIMAL: &str = r"^[0-9]+(\.[0-9]+)?$";

/// The body of `POST /orders`: items, or one item without the array.
pub(crate) enum NewOrderBody {}

impl PartialSchema for NewOrderBody {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(item(ObjectBuilder::new().schema_type(Type::Object)))
            .min_items(Some(1))
            .max_items(Some(MOST_LINES));
        let mut long = order().property("items", items).required("items");
        for absent in ["product_id", "quantity", "price"] {
            long = long.property(absent, nothing());
        }
        let short = item(order()).property("items", nothing());
        OneOfBuilder::new()
            .item(short)
            .item(long)
            .examples([
                json!({"user_id": 123, "product_id": 1, "quantity": 2, "price": 999.99}),
                json!({"user_id": "123", "items": [{"product_id": "1", "quantity": 2, "price": "999.99"}], "currency": "USD"}),
            ])
            .into()
    }
}

impl ToSchema for NewOrderBody {
    fn name() -> Cow<'static, str> {
        "NewOrder".into()
    }
}

/// What both forms have.
fn order() -> ObjectBuilder {
    let country = or_null()
        .pattern(Some("^[A-Z]{2}$"))
        .description(Some("ISO 3166; `US` if it is not given"));
    let ship_to = ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::Object, Type::Null]))
        .property("country", country);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .property("user_id", id())
        .required("user_id")
        .property(
            "currency",
            or_null()
                .pattern(Some("^[A-Z]{3}$"))
                .description(Some("ISO 4217; `USD` if it is not given")),
        )
        .property(
            "payment_method",
            or_null()
                .pattern(Some(IDENTIFIER))
                .description(Some("The provider\'s token; `tok_ok` if it is not given")),
        )
        .property("ship_to", ship_to)
}

fn item(of: ObjectBuilder) -> ObjectBuilder {
    let quantity = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(LARGEST_QUANTITY));
    let number = ObjectBuilder::new()
        .schema_type(Type::Number)
        .minimum(Some(0));
    let price = OneOfBuilder::new()
        .item(text().pattern(Some(DECIMAL)))
        .item(number)
        .description(Some("Read to its last digit"));
    of.property("product_id", id())
        .required("product_id")
        .property("quantity", quantity)
        .required("quantity")
        .property("price", price)
        .required("price")
}

/// A number counts as its digits.
fn id() -> OneOfBuilder {
    let number = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(0));
    OneOfBuilder::new()
        .item(text().pattern(Some(IDENTIFIER)))
        .item(number)
}

fn or_null() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
}

fn nothing() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Null)
}
