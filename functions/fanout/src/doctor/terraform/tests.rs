//! Expressions come to what Terraform says they come to.

use super::evaluate::Scope;
use super::value::{Fault, Value};
use super::*;

/// What `local.it` comes to in a folder with these files.
fn it(files: &[(&str, &str)]) -> Result<String, Fault> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let sources = Sources::read(folder.path()).unwrap();
    let files = variables::files(folder.path(), &[]).unwrap();
    let root = Module::root(&sources, variables::values(&files).unwrap()).unwrap();
    let value = Scope::new(&root).module.reference("local", "it")?;
    written(&value)
}

fn expression(text: &str) -> Result<String, Fault> {
    it(&[("main.tf", &format!("locals {{\n  it = {text}\n}}\n"))])
}

fn written(value: &Value<'_>) -> Result<String, Fault> {
    Ok(match value {
        Value::List(items) => {
            let items = items.iter().map(written).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(" "))
        }
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value<'_>)| Ok(format!("{name}={}", written(value)?));
            let fields = fields
                .iter()
                .map(field)
                .collect::<Result<Vec<_>, Fault>>()?;
            format!("{{{}}}", fields.join(" "))
        }
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => value.text()?,
        Value::Resource(_) | Value::Module(_) | Value::Unknown(_) => value.text()?,
    })
}

#[test]
fn expressions_come_to_what_terraform_says() {
    for (text, wanted) in [
        ("1 + 2 * 3", "7"),
        ("\"${7 * 86400}s\"", "604800s"),
        ("\"a\\\"b${1}\"", "a\"b1"),
        ("true && !false ? \"y\" : \"n\"", "y"),
        ("2 >= 2 || 1 < 0", "true"),
        ("merge({a = 1, b = 1}, {b = 2})", "{a=1 b=2}"),
        ("concat([1], [2, 3])", "[1 2 3]"),
        ("join(\" OR \", [\"a\", \"b\"])", "a OR b"),
        ("lookup({a = 1}, \"b\", 9)", "9"),
        ("coalesce(null, \"\", \"x\")", "x"),
        ("try({}.a, \"other\")", "other"),
        ("try(coalesce(null), 5)", "5"),
        ("can({}.a)", "false"),
        ("keys({b = 1, a = 2})", "[a b]"),
        ("values({b = 1, a = 2})", "[2 1]"),
        ("toset([\"b\", \"a\", \"b\"])", "[a b]"),
        ("compact([\"a\", null, \"\"])", "[a]"),
        ("flatten([[1], [[2]], 3])", "[1 2 3]"),
        ("setproduct([\"a\"], [1, 2])", "[[a 1] [a 2]]"),
        ("contains([1, 2], 2)", "true"),
        ("length({a = 1})", "1"),
        ("trim(\"(default)\", \"()\")", "default"),
        ("[for x in [1, 2, 3] : x * 2 if x != 2]", "[2 6]"),
        ("{for k, v in {a = 1} : \"${k}!\" => v}", "{a!=1}"),
        ("[for i, x in [\"a\"] : \"${i}${x}\"]", "[0a]"),
        ("[{a = 1}, {a = 2}][*].a", "[1 2]"),
        ("{\"${\"a\"}b\" = [1]}[\"ab\"][0]", "1"),
        ("max([1, 3]...)", "3"),
        ("null == null", "true"),
    ] {
        assert_eq!(expression(text).as_deref(), Ok(wanted), "{text}");
    }
}

#[test]
fn what_terraform_refuses_is_wrong_and_what_is_not_evaluated_here_is_unsupported() {
    for text in [
        "{}.a",
        "[1][1]",
        "lookup({}, \"a\")",
        "1 + \"x\"",
        "nothing",
        "local.none",
        "var.none",
    ] {
        let fault = expression(text).unwrap_err();
        assert!(matches!(fault, Fault::Wrong(_)), "{text}: {fault:?}");
    }
    for text in [
        "base64encode(\"x\")",
        "data.a.b",
        "<<E\nx\nE",
        "try(sha1(\"\"), 1)",
        "local.it",
    ] {
        let fault = expression(text).unwrap_err();
        assert!(matches!(fault, Fault::Unsupported(_)), "{text}: {fault:?}");
    }
}

#[test]
fn a_part_that_cannot_be_evaluated_harms_nobody_who_does_not_look_at_it() {
    assert_eq!(expression("{a = uuid(), b = 1}.b").as_deref(), Ok("1"));
    assert!(expression("{a = uuid(), b = 1}.a").is_err());
}

#[test]
fn variables_have_types_defaults_and_files() {
    let main = r#"
variable "numbers" {
  type = object({
    a = optional(number, 1)
    b = optional(string)
    c = map(object({ d = optional(list(string), ["x"]) }))
  })
  nullable = false
}
variable "region" { type = string }
variable "auto" { default = 1 }
variable "none" {
  type    = string
  default = null
}
locals {
  it = [var.numbers, var.region, var.auto, var.none]
}
"#;
    let values = "numbers = { a = \"4\", c = { e = {} }, ignored = true }\n";
    let found = it(&[
        ("main.tf", main),
        ("terraform.tfvars", values),
        ("images.auto.tfvars.json", r#"{"auto": 2}"#),
    ]);
    assert_eq!(
        found.as_deref(),
        Ok("[{a=4 b=null c={e={d=[x]}}} <var.region> 2 null]")
    );
}

#[test]
fn modules_and_resources_are_written_out() {
    let main = r#"
variable "names" { default = { one = { size = 1 }, two = { size = 2 } } }
module "child" {
  source   = "./modules/child"
  for_each = var.names
  size     = each.value.size
}
resource "google_service_account" "push" {
  for_each   = toset(["a", "b"])
  project    = "p"
  account_id = "push-${each.key}"
}
resource "google_pubsub_topic" "many" {
  count   = 2
  project = "p"
  name    = "t-${count.index}"
}
locals {
  it = [
    [for name, child in module.child : "${name}:${child.doubled}"],
    google_service_account.push["b"].member,
    google_pubsub_topic.many[1].id,
  ]
}
"#;
    let child = r#"
variable "size" { type = number }
output "doubled" { value = var.size * 2 }
"#;
    let found = it(&[("main.tf", main), ("modules/child/main.tf", child)]);
    let member = "serviceAccount:push-b@p.iam.gserviceaccount.com";
    assert_eq!(
        found,
        Ok(format!("[[one:2 two:4] {member} projects/p/topics/t-1]"))
    );
}
