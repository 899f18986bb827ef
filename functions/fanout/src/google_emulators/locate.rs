//! Finds an installed Google Cloud SDK with its emulators.
//!
//! Nothing but `std` here: build scripts that decide whether the emulators' tests can run include
//! this very file.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian's packages put the SDK.
const DEBIAN_SDK: &str = "/usr/lib/google-cloud-sdk";

/// What it takes to run both emulators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdk {
    /// The Java runtime.
    pub java: PathBuf,
    /// The Pub/Sub emulator.
    pub pubsub_jar: PathBuf,
    /// The Firestore emulator.
    pub firestore_jar: PathBuf,
}

/// Why the emulators cannot run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotInstalled {
    /// All that is missing; never empty.
    pub missing: Vec<&'static str>,
    /// The SDK that was found, if one was.
    pub sdk: Option<PathBuf>,
}

/// Looks for the SDK and for Java in the folders of `path` (the variable `PATH`), and for the SDK
/// where Debian's packages put it. Runs nothing.
pub fn locate(path: &OsStr) -> Result<Sdk, NotInstalled> {
    locate_with(path, Path::new(DEBIAN_SDK))
}

fn locate_with(path: &OsStr, debian_sdk: &Path) -> Result<Sdk, NotInstalled> {
    let is_sdk = |folder: &PathBuf| folder.join("bin/gcloud").is_file();
    let sdks = sdk_of_gcloud(path).into_iter();
    let sdks = sdks.chain([debian_sdk.to_owned()]).filter(is_sdk);
    let sdks: Vec<PathBuf> = sdks.collect();
    let java = find_on(path, "java");
    let pubsub_jar = sdks.iter().find_map(|sdk| pubsub_jar(sdk));
    let firestore_jar = sdks.iter().find_map(|sdk| firestore_jar(sdk));
    let missing = [
        (sdks.is_empty(), "the Google Cloud SDK"),
        (pubsub_jar.is_none(), "the Pub/Sub emulator"),
        (firestore_jar.is_none(), "the Firestore emulator"),
        (java.is_none(), "a `java` on PATH, of version 11 or later"),
    ];
    match (java, pubsub_jar, firestore_jar) {
        (Some(java), Some(pubsub_jar), Some(firestore_jar)) => Ok(Sdk {
            java,
            pubsub_jar,
            firestore_jar,
        }),
        _ => Err(NotInstalled {
            missing: missing.iter().filter(|it| it.0).map(|it| it.1).collect(),
            sdk: sdks.into_iter().next(),
        }),
    }
}

/// `gcloud` on PATH is usually a link to `bin/gcloud` of the SDK.
fn sdk_of_gcloud(path: &OsStr) -> Option<PathBuf> {
    let gcloud = fs::canonicalize(find_on(path, "gcloud")?).ok()?;
    Some(gcloud.parent()?.parent()?.to_owned())
}

fn find_on(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The jar's name holds its version; of several the last by name is taken.
fn pubsub_jar(sdk: &Path) -> Option<PathBuf> {
    let jars = fs::read_dir(sdk.join("platform/pubsub-emulator/lib")).ok()?;
    let is_emulator = |file: &PathBuf| {
        let name = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        name.starts_with("cloud-pubsub-emulator-") && name.ends_with("-all.jar")
    };
    jars.filter_map(|entry| Some(entry.ok()?.path()))
        .filter(is_emulator)
        .max()
}

fn firestore_jar(sdk: &Path) -> Option<PathBuf> {
    let jar = sdk.join("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar");
    jar.is_file().then_some(jar)
}

impl fmt::Display for NotInstalled {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "Google's emulators cannot run here: missing are {}.\n\
             With the SDK of https://cloud.google.com/sdk/docs/install: `gcloud components install \
             pubsub-emulator cloud-firestore-emulator`. By Debian's packages: `apt-get install \
             google-cloud-cli-pubsub-emulator google-cloud-cli-firestore-emulator \
             default-jre-headless`.",
            self.missing.join(", ")
        )
    }
}

impl std::error::Error for NotInstalled {}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use tempfile::TempDir;

    use super::*;

    const PUBSUB: &str = "sdk/platform/pubsub-emulator/lib/cloud-pubsub-emulator-0.8.20-all.jar";
    const FIRESTORE: &str = "sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar";
    const EVERYTHING: [&str; 4] = ["sdk/bin/gcloud", "java/bin/java", PUBSUB, FIRESTORE];

    /// A machine with these (empty) files.
    struct Machine(TempDir);

    impl Machine {
        fn with(files: &[&str]) -> Self {
            let machine = Self(tempfile::tempdir().unwrap());
            for file in files {
                let file = machine.file(file);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, "").unwrap();
            }
            machine
        }

        fn file(&self, name: &str) -> PathBuf {
            fs::canonicalize(self.0.path()).unwrap().join(name)
        }

        fn path(&self, folders: &[&str]) -> OsString {
            std::env::join_paths(folders.iter().map(|folder| self.file(folder))).unwrap()
        }

        /// With `sdk` in PATH as Google's archive does it, and no packages of Debian's.
        fn locate(&self) -> Result<Sdk, NotInstalled> {
            let path = self.path(&["nowhere", "sdk/bin", "java/bin"]);
            locate_with(&path, &self.file("debian"))
        }

        fn missing(&self) -> Vec<&'static str> {
            self.locate().unwrap_err().missing
        }

        fn sdk(&self) -> Sdk {
            Sdk {
                java: self.file("java/bin/java"),
                pubsub_jar: self.file(PUBSUB),
                firestore_jar: self.file(FIRESTORE),
            }
        }
    }

    fn without(file: &str) -> Machine {
        let files: Vec<&str> = EVERYTHING.into_iter().filter(|it| *it != file).collect();
        Machine::with(&files)
    }

    #[test]
    fn everything_is_found_from_path() {
        let machine = Machine::with(&EVERYTHING);
        assert_eq!(machine.locate(), Ok(machine.sdk()));
    }

    #[cfg(unix)]
    #[test]
    fn gcloud_may_be_a_link_to_a_link_into_the_sdk() {
        let machine = Machine::with(&EVERYTHING);
        fs::create_dir(machine.file("bin")).unwrap();
        let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
        link(machine.file("bin/gcloud-1"), machine.file("bin/gcloud")).unwrap();
        link("../sdk/bin/gcloud".into(), machine.file("bin/gcloud-1")).unwrap();
        let path = machine.path(&["bin", "java/bin"]);
        let located = locate_with(&path, &machine.file("debian"));
        assert_eq!(located, Ok(machine.sdk()));
    }

    #[test]
    fn debians_packages_are_found_without_gcloud_on_path() {
        let machine = Machine::with(&EVERYTHING);
        let path = machine.path(&["java/bin"]);
        let located = locate_with(&path, &machine.file("sdk"));
        assert_eq!(located, Ok(machine.sdk()));
    }

    #[test]
    fn of_several_versions_the_last_is_taken_and_other_jars_are_not() {
        let machine = Machine::with(&EVERYTHING);
        let lib = "sdk/platform/pubsub-emulator/lib";
        let newer = format!("{lib}/cloud-pubsub-emulator-0.8.21-all.jar");
        for name in [newer.as_str(), &format!("{lib}/zzz.jar")] {
            fs::write(machine.file(name), "").unwrap();
        }
        assert_eq!(machine.locate().unwrap().pubsub_jar, machine.file(&newer));
    }

    #[test]
    fn each_part_that_is_missing_is_named() {
        const SDK: &str = "the Google Cloud SDK";
        const JARS: [&str; 2] = ["the Pub/Sub emulator", "the Firestore emulator"];
        const JAVA: &str = "a `java` on PATH, of version 11 or later";
        let all = [SDK, JARS[0], JARS[1], JAVA];
        assert_eq!(Machine::with(&[]).missing(), all);
        assert_eq!(without("sdk/bin/gcloud").missing(), all[..3]);
        assert_eq!(without("java/bin/java").missing(), [JAVA]);
        assert_eq!(without(PUBSUB).missing(), JARS[..1]);
        assert_eq!(without(FIRESTORE).missing(), JARS[1..]);
        let bare = Machine::with(&["sdk/bin/gcloud", "java/bin/java"]);
        assert_eq!(bare.missing(), JARS);
        assert_eq!(bare.locate().unwrap_err().sdk, Some(bare.file("sdk")));
    }

    #[test]
    fn the_message_says_what_is_missing_and_how_to_install_it() {
        let without_jars = Machine::with(&["sdk/bin/gcloud", "java/bin/java"]);
        insta::assert_snapshot!(without_jars.locate().unwrap_err(), @r"
        Google's emulators cannot run here: missing are the Pub/Sub emulator, the Firestore emulator.
        With the SDK of https://cloud.google.com/sdk/docs/install: `gcloud components install pubsub-emulator cloud-firestore-emulator`. By Debian's packages: `apt-get install google-cloud-cli-pubsub-emulator google-cloud-cli-firestore-emulator default-jre-headless`.
        ");
    }
}
