//! Prometheus' text format.

use std::fmt::{self, Write};

use super::families::{FAMILIES, Family, Kind};
use super::samples::{BOUNDS, Histogram, Sample, Samples};

/// All families, also those of which nothing has been counted: a query finds them from the first
/// moment on.
pub(super) fn write(samples: &Samples) -> String {
    let mut text = String::new();
    for family in FAMILIES {
        // Writing into memory cannot fail.
        let _ = write_family(&mut text, family, samples);
    }
    text
}

fn write_family(text: &mut String, family: &Family, samples: &Samples) -> fmt::Result {
    let name = family.prometheus_name();
    let kind = match family.kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", family.help)?;
    for (values, sample) in samples.of(family) {
        let labels = labels(family, values);
        match sample {
            Sample::Value(value) => writeln!(text, "{name}{} {value}", braced(&labels))?,
            Sample::Histogram(histogram) => write_histogram(text, &name, labels, histogram)?,
        }
    }
    Ok(())
}

fn write_histogram(
    text: &mut String,
    name: &str,
    labels: Vec<String>,
    histogram: &Histogram,
) -> fmt::Result {
    let bounds = BOUNDS.iter().map(ToString::to_string);
    let bounds = bounds.chain(["+Inf".to_owned()]);
    let within = histogram.within.iter().scan(0, |sum, within| {
        *sum += within;
        Some(*sum)
    });
    for (bound, within) in bounds.zip(within.chain([histogram.count])) {
        let mut labels = labels.clone();
        labels.push(format!("le=\"{bound}\""));
        writeln!(text, "{name}_bucket{} {within}", braced(&labels))?;
    }
    let labels = braced(&labels);
    writeln!(text, "{name}_sum{labels} {}", histogram.sum)?;
    writeln!(text, "{name}_count{labels} {}", histogram.count)
}

fn labels(family: &Family, values: &[String]) -> Vec<String> {
    let pairs = family.labels.iter().zip(values);
    pairs
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect()
}

fn braced(labels: &[String]) -> String {
    match labels {
        [] => String::new(),
        labels => format!("{{{}}}", labels.join(",")),
    }
}

fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\");
    value.replace('"', "\\\"").replace('\n', "\\n")
}
