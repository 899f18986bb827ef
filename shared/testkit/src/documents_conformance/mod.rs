//! What every adapter of the `Documents` port must do. One function per promise; a case uses
//! collections of its own, so cases run in parallel, repeatedly, and against a shared store.
//!
//! An adapter's tests are one line, which becomes a test per case:
//!
//! ```
//! use std::sync::Arc;
//!
//! use fanout_store::Documents;
//!
//! # async fn open() -> Arc<dyn Documents> { std::future::pending().await }
//! fanout_testkit::documents_conformance_tests!(async { open().await });
//! ```
//!
//! The expression is a future and is evaluated anew for each test. It gives an
//! `Arc<dyn Documents>`, or a pair of that and something to be kept until the test ends (a
//! temporary directory, a child process). Attributes before a `=>` go to each test:
//!
//! ```
//! # use std::sync::Arc;
//! # use fanout_store::Documents;
//! # async fn open() -> Arc<dyn Documents> { std::future::pending().await }
//! fanout_testkit::documents_conformance_tests!(
//!     #[ignore = "needs the Firestore emulator"] =>
//!     async { (open().await, tempfile::tempdir().unwrap()) }
//! );
//! ```

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "these are tests: a panic is their verdict"
)]

mod commits;
mod concurrency;
mod keys;
mod limits;
mod paging;
mod preconditions;
mod queries;
mod scene;
mod single_document;
mod transforms;
mod values;
mod versions;

use std::any::Any;
use std::sync::Arc;

use fanout_store::Documents;

/// The store under test, and what it needs to live.
pub struct Subject {
    /// The store.
    pub documents: Arc<dyn Documents>,
    _resources: Box<dyn Any>,
}

impl From<Arc<dyn Documents>> for Subject {
    fn from(documents: Arc<dyn Documents>) -> Self {
        Self::from((documents, ()))
    }
}

impl<R: Any> From<(Arc<dyn Documents>, R)> for Subject {
    fn from((documents, resources): (Arc<dyn Documents>, R)) -> Self {
        Self {
            documents,
            _resources: Box::new(resources),
        }
    }
}

/// Expands into one `#[tokio::test]` for each case of the suite; see
/// [`documents_conformance`](mod@crate::documents_conformance).
#[macro_export]
macro_rules! documents_conformance_tests {
    // The one list of cases. A case that is missing here is dead code, which the compiler reports.
    (@each $mode:tt) => {
        $crate::documents_conformance_tests! { @all $mode
            single_document::a_document_that_was_never_written_is_none
            single_document::a_created_document_reads_as_it_was_written
            single_document::a_second_create_conflicts_and_changes_nothing
            single_document::set_replaces_the_whole_document
            single_document::merge_leaves_the_other_fields
            single_document::merge_replaces_a_map_as_a_whole
            single_document::merge_creates_a_missing_document
            single_document::a_merge_of_nothing_creates_a_missing_document_and_leaves_a_present_one
            single_document::a_merge_takes_fields_out_and_a_transform_comes_after
            single_document::documents_are_read_in_the_order_of_their_keys
            single_document::delete_removes_and_may_be_repeated
            single_document::a_deleted_document_can_be_created_again
            preconditions::replace_takes_the_current_version_only
            preconditions::replace_of_a_document_that_is_gone_conflicts
            preconditions::exists_fails_on_a_missing_document_whatever_the_write
            preconditions::exists_holds_on_a_present_document
            preconditions::delete_takes_the_current_version_only
            preconditions::verify_holds_on_the_current_version_and_leaves_it_as_it_is
            preconditions::verify_of_another_version_stops_the_commit
            preconditions::absent_stops_the_commit_where_there_is_a_document
            preconditions::absent_holds_on_a_deleted_document
            transforms::increment_counts_from_what_is_there
            transforms::increment_creates_a_missing_document
            transforms::increment_of_something_else_than_a_whole_number
            transforms::increment_stops_at_the_largest_number
            transforms::transforms_come_after_the_content_and_in_order
            transforms::transforms_reach_fields_of_any_name
            transforms::a_delete_with_a_transform_is_refused
            values::every_kind_of_value_comes_back
            values::numbers_come_back_to_the_last_bit
            values::texts_come_back_character_by_character
            values::moments_come_back_in_whole_milliseconds
            values::fields_of_any_name_come_back
            values::a_value_that_firestore_does_not_take_is_refused
            limits::a_moment_that_cannot_be_read_back_is_refused
            limits::a_document_over_a_mebibyte_is_refused
            limits::a_merge_that_makes_a_document_too_large_is_refused
            limits::a_commit_over_ten_mebibytes_is_refused
            limits::values_lie_in_each_other_up_to_twenty_deep
            limits::a_query_without_a_declared_index_is_refused
            versions::a_receipt_carries_the_versions_that_reads_show
            versions::a_later_write_has_a_greater_version
            versions::a_write_that_changes_nothing_keeps_the_version
            keys::a_key_of_any_text_leads_to_its_own_document
            commits::a_commit_makes_all_of_its_writes
            commits::a_lazy_commit_does_what_any_commit_does
            commits::a_commit_with_a_violated_precondition_makes_none_of_its_writes
            commits::of_two_violated_preconditions_the_first_is_named
            commits::the_violated_one_of_many_like_preconditions_is_named
            commits::a_document_may_occur_once_only
            commits::an_empty_commit_does_nothing
            queries::equality_matches_values_of_every_kind
            queries::ranges_match_on_their_side_of_the_value
            queries::a_value_of_another_type_never_matches
            queries::all_filters_must_hold
            queries::an_order_goes_both_ways
            queries::a_second_field_orders_what_the_first_leaves_equal
            queries::values_of_different_types_have_an_order
            queries::texts_are_ordered_by_their_bytes
            queries::documents_without_the_field_of_an_order_are_left_out
            queries::the_field_of_a_range_comes_first
            queries::fields_of_any_name_can_be_asked_for
            queries::a_query_sees_one_collection_and_whole_documents
            paging::pages_by_id
            paging::pages_through_ties_in_either_direction
            paging::pages_through_two_fields_of_opposite_directions
            paging::pages_through_nulls_and_mixed_types
            paging::pages_through_what_a_filter_leaves
            paging::pages_through_a_range
            paging::a_last_page_that_is_full_is_followed_by_an_empty_one
            paging::a_cursor_holds_after_its_document_is_gone
            concurrency::no_increment_of_many_is_lost
            concurrency::one_of_many_creations_wins
            concurrency::one_of_many_marks_brings_its_effect
            concurrency::no_read_modify_write_of_many_is_lost
        }
    };
    (@all $mode:tt $($module:ident :: $case:ident)*) => {
        $($crate::documents_conformance_tests! { @one $mode $module $case })*
    };
    (@one [re_export] $module:ident $case:ident) => {
        pub use $module::$case;
    };
    (@one [test [$($attribute:tt)*] [$subject:expr]] $module:ident $case:ident) => {
        $($attribute)*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let subject = $crate::documents_conformance::Subject::from($subject.await);
            $crate::documents_conformance::$case(subject.documents.clone()).await;
        }
    };
    ($(#[$attribute:meta])+ => $subject:expr) => {
        $crate::documents_conformance_tests! { @each [test [$(#[$attribute])+] [$subject]] }
    };
    ($subject:expr) => {
        $crate::documents_conformance_tests! { @each [test [] [$subject]] }
    };
}

documents_conformance_tests! { @each [re_export] }
