//! Errors with their causes, for logs.

/// An error of an adapter's own library.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error and all its causes, in one line.
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
