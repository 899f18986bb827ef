//! What of the events of this build has no file yet: `fanout manifest` writes it, once.

use std::collections::BTreeMap;
use std::path::Path;

use fanout_contracts::DOMAINS;
use fanout_events::{Received, Version, attributes, decode};
use fanout_schemas::{reader, writer};
use serde::Serialize;

use super::corpus::{ATTRIBUTES, Corpus, FOLDER, SUMS, sum_of};

/// The files that are not there yet, and the sums with theirs, by path below `root`. What is released
/// is left as it is, also where the type says something else now: that is for `fanout schema check`.
pub(crate) fn unreleased(root: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut corpus = Corpus::of_folder(root)?;
    let released = corpus.0.clone();
    for domain in DOMAINS {
        for known in domain.types {
            let folder = format!("{}/schemas/{}/{}", domain.name, known.name, known.version);
            let shape = (known.shape)();
            for (file, schema) in [("writer", writer(&shape)), ("reader", reader(&shape))] {
                let path = format!("{folder}/{file}.json");
                corpus.0.entry(path).or_insert(pretty(&schema)?);
            }
        }
    }
    add_attributes(&mut corpus)?;
    add_sums(&mut corpus);
    let new = corpus
        .0
        .into_iter()
        .filter(|(path, bytes)| released.get(path) != Some(bytes));
    Ok(new
        .map(|(path, bytes)| (format!("{FOLDER}/{path}"), bytes))
        .collect())
}

fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    Ok(text)
}

/// Golden files are messages: those that a service published have attributes, which hand-typed ones
/// (version 0) do not.
fn add_attributes(corpus: &mut Corpus) -> anyhow::Result<()> {
    let mut new = BTreeMap::new();
    for (path, place, bytes) in corpus.files() {
        let published = place
            .version
            .parse::<Version>()
            .is_ok_and(|it| it.major > 0);
        if place.kind != "golden" || place.file.ends_with(ATTRIBUTES) || !published {
            continue;
        }
        let received = Received {
            data: bytes,
            message_id: "1",
            publish_time: Default::default(),
        };
        if let Ok(decoded) = decode(&received) {
            let path = path.replace(".json", ATTRIBUTES);
            new.insert(path, pretty(&attributes(&decoded.event, None))?);
        }
    }
    for (path, bytes) in new {
        corpus.0.entry(path).or_insert(bytes);
    }
    Ok(())
}

fn add_sums(corpus: &mut Corpus) {
    let domains: Vec<String> = corpus.domains().into_iter().map(str::to_owned).collect();
    for domain in domains {
        let mut sums = corpus.sums(&domain);
        for (path, place, bytes) in corpus.files() {
            if place.domain == domain {
                sums.entry(path.to_owned()).or_insert_with(|| sum_of(bytes));
            }
        }
        let lines = sums.iter().map(|(path, sum)| {
            let path = path.strip_prefix(&format!("{domain}/")).unwrap_or(path);
            format!("{sum}  {path}\n")
        });
        let text: String = lines.collect();
        corpus
            .0
            .insert(format!("{domain}/{SUMS}"), text.into_bytes());
    }
}
