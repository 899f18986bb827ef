# Which senders are taken: those with which email-service starts, and with which a mail arrives.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "grammar" {
  command = plan

  assert {
    condition = [for sender in [
      "hello@example.com",
      "HELLO+news@Mail.Example.COM",
      "o'brien@example.com",
      "Fanout <hello@example.com>",
      "Acme Inc. <hello@example.com>",
      "Ada & Bob's 24/7 <hello@example.com>",
      "Käse <hello@käse.example>",
      "हिन्दी <hello@डाटामेल.भारत>",
      "\"Acme, Inc.\" <hello@example.com>",
      "\"Acme (Support)\" <hello@example.com>",
      "\"a@b; \\\"c\\\" \\\\\" <hello@example.com>",
      "${join("", [for n in range(64) : "x"])}@example.com",
      "hello@${join("", [for n in range(63) : "x"])}.example",
      "hello@xn--bcher-kva.example",
      "hello@a-b.c-d-e.example",
      "${join("", [for n in range(200) : "x"])} <hello@example.com>",
      "\"${join("", [for n in range(200) : "x"])}\" <hello@example.com>",
    ] : sender if !can(regex(local._grammar.sender, sender)) || can(regex(local._grammar.never, sender))] == []
    error_message = "A sender is refused with which email-service would start."
  }

  assert {
    condition = [for sender in [
      "",
      "hello",
      "hello@localhost",
      "hello@127.0.0.1",
      "hello@[127.0.0.1]",
      "hello@example.com.",
      "hello@exa_mple.com",
      "hello@-example.com",
      "hello@example..com",
      "hello@exa\u3164mple.com",
      "hello @example.com",
      ".hello@example.com",
      "hello.@example.com",
      "käse@example.com",
      "\"hello\"@example.com",
      "Fanout <käse@example.com>",
      "Fanout <hello@example.com>, Other <other@example.com>",
      "Acme, Inc. <hello@example.com>",
      "Acme (Support) <hello@example.com>",
      "Acme; Co <hello@example.com>",
      "Acme: Co <hello@example.com>",
      "Acme [Co] <hello@example.com>",
      "Acme \\ Co <hello@example.com>",
      "Acme@Co <hello@example.com>",
      "Acme \" Co <hello@example.com>",
      "\"Acme \" Co\" <hello@example.com>",
      "Acme\u2028Co <hello@example.com>",
      "\"Acme\nBcc: other@example.com\" <hello@example.com>",
      "Acme <hi..there@example.com>",
      "hello@ab--c.example",
      "\"  \" <hello@example.com>",
      "\u3164 <hello@example.com>",
      "\"\u2800\u0301\" <hello@example.com>",
      "Acme\ufdd0 <hello@example.com>",
      "${join("", [for n in range(201) : "x"])} <hello@example.com>",
      "\"${join("", [for n in range(201) : "x"])}\" <hello@example.com>",
      "${join("", [for n in range(65) : "x"])}@example.com",
      "hello@${join("", [for n in range(64) : "x"])}.example",
      "hello@${join(".", [for n in range(80) : "xxx"])}",
    ] : sender if can(regex(local._grammar.sender, sender)) && !can(regex(local._grammar.never, sender))] == []
    error_message = "A sender is taken with which email-service would not start, or no mail would arrive."
  }
}

run "the_address_of_a_sender_with_an_at_in_its_name" {
  command = apply

  variables {
    mail = { from = "\"Ada @ Acme, Inc.\" <hello@example.com>" }
  }

  assert {
    condition     = output.test_sender == "hello@example.com"
    error_message = "test_sender is not the bare address of the sender."
  }
}

run "a_name_that_needs_quotes" {
  command = plan

  variables {
    mail = { from = "Acme, Inc <hi@example.com>" }
  }

  expect_failures = [var.mail]
}

run "a_reply_address_with_such_a_name" {
  command = plan

  variables {
    mail = { from = "hello@example.com", reply_to = "Acme (Support) <hi@example.com>" }
  }

  expect_failures = [var.mail]
}

run "a_sender_with_letters_beyond_ascii_before_the_at" {
  command = plan

  variables {
    mail = { from = "käse@example.com" }
  }

  expect_failures = [var.mail]
}
