//! Queries as Firestore's messages.

use gcloud_sdk::google::firestore::v1::StructuredQuery;
use gcloud_sdk::google::firestore::v1::structured_query::{
    CollectionSelector, CompositeFilter, Direction as ProtoDirection, FieldFilter, FieldReference,
    Filter as ProtoFilter, Order as ProtoOrder, UnaryFilter, composite_filter, field_filter,
    filter::FilterType, unary_filter,
};
use gcloud_sdk::google::firestore::v1::{Cursor as ProtoCursor, value::ValueType};

use super::names::{DOCUMENT, Names, field_path};
use super::values::{of_type, to_proto};
use fanout_store::{Comparison, Cursor, Direction, Filter, Query, Value};

pub(super) fn to_message(names: &Names, query: &Query) -> StructuredQuery {
    let after = query.after.as_ref();
    StructuredQuery {
        from: vec![CollectionSelector {
            collection_id: query.collection.name.to_owned(),
            all_descendants: false,
        }],
        r#where: all_of(query.filters.iter().map(filter).collect()),
        order_by: order(query),
        start_at: after.map(|cursor| behind(names, query, cursor)),
        // More than any page holds.
        limit: Some(i32::try_from(query.limit).unwrap_or(i32::MAX)),
        ..Default::default()
    }
}

fn all_of(mut filters: Vec<FilterType>) -> Option<ProtoFilter> {
    let filter_type = if filters.len() > 1 {
        Some(FilterType::CompositeFilter(CompositeFilter {
            op: composite_filter::Operator::And.into(),
            filters: filters.into_iter().map(some).collect(),
        }))
    } else {
        filters.pop()
    };
    filter_type.map(some)
}

fn some(filter_type: FilterType) -> ProtoFilter {
    ProtoFilter {
        filter_type: Some(filter_type),
    }
}

fn filter(filter: &Filter) -> FilterType {
    let field = Some(reference(field_path(filter.field)));
    if let (Comparison::Equal, Some(op)) = (filter.comparison, unary(&filter.value)) {
        return FilterType::UnaryFilter(UnaryFilter {
            op: op.into(),
            operand_type: field.map(unary_filter::OperandType::Field),
        });
    }
    let op = match filter.comparison {
        Comparison::Equal => field_filter::Operator::Equal,
        Comparison::Less => field_filter::Operator::LessThan,
        Comparison::AtMost => field_filter::Operator::LessThanOrEqual,
        Comparison::Greater => field_filter::Operator::GreaterThan,
        Comparison::AtLeast => field_filter::Operator::GreaterThanOrEqual,
    };
    FilterType::FieldFilter(FieldFilter {
        field,
        op: op.into(),
        value: Some(to_proto(&filter.value)),
    })
}

/// Nothing is equal to null or NaN; there is an operator for each instead.
fn unary(value: &Value) -> Option<unary_filter::Operator> {
    match value {
        Value::Null => Some(unary_filter::Operator::IsNull),
        Value::Double(number) if number.is_nan() => Some(unary_filter::Operator::IsNan),
        Value::Double(_)
        | Value::Boolean(_)
        | Value::Integer(_)
        | Value::Text(_)
        | Value::Timestamp(_)
        | Value::Array(_)
        | Value::Map(_)
        | Value::Foreign(_) => None,
    }
}

/// The full order, spelled out to the tie-break, so that a cursor has a value for each part of it.
fn order(query: &Query) -> Vec<ProtoOrder> {
    let full = query.full_order();
    let last = full.last().map(|by| by.direction);
    let tie = last.unwrap_or(Direction::Ascending);
    let fields = full.iter().map(|by| (field_path(by.field), by.direction));
    fields
        .chain([(DOCUMENT.to_owned(), tie)])
        .map(|(path, direction)| ProtoOrder {
            field: Some(reference(path)),
            direction: match direction {
                Direction::Ascending => ProtoDirection::Ascending.into(),
                Direction::Descending => ProtoDirection::Descending.into(),
            },
        })
        .collect()
}

fn behind(names: &Names, query: &Query, cursor: &Cursor) -> ProtoCursor {
    let document = ValueType::ReferenceValue(names.name(query.collection.name, &cursor.id));
    let values = cursor.values.iter().map(to_proto);
    ProtoCursor {
        values: values.chain([of_type(document)]).collect(),
        before: false,
    }
}

fn reference(field_path: String) -> FieldReference {
    FieldReference { field_path }
}
