//! Comparing what handlers would have done with what the calls did.

use fanout_store::{Documents, Key, Query, StoreError, all_documents};

use crate::{Task, WOULD};

/// What came of comparing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// How many bookings are the same both ways.
    pub same: usize,
    /// The bookings that a handler would have done otherwise.
    pub different: Vec<String>,
    /// The bookings that only a handler knows: their call was never made.
    pub never_called: Vec<String>,
}

/// Compares all that the handler of a task has said it would do. What is still under way may be
/// among `never_called`: compared again, it is not.
pub async fn compare(documents: &dyn Documents, task: &Task) -> Result<Compared, StoreError> {
    let mut compared = Compared::default();
    let prefix = format!("{}:", task.name);
    for would in all_documents(documents, Query::of(WOULD)).await? {
        let Some(booking_id) = would.key.id().strip_prefix(&prefix) else {
            continue;
        };
        let booking_id = booking_id.to_owned();
        match documents.get(&Key::new(task.done, &booking_id)).await? {
            None => compared.never_called.push(booking_id),
            Some(mut done) => {
                done.fields.remove("times");
                if done.fields == would.fields {
                    compared.same += 1;
                } else {
                    compared.different.push(booking_id);
                }
            }
        }
    }
    Ok(compared)
}
