# modules/event-topic and modules/dead-letters by themselves: they refuse what Pub/Sub would refuse,
# whatever uses them.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  name           = "orders"
  project_id     = "fanout-test"
  project_number = "123456789012"
  region         = "europe-west1"
  delivery       = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  consumers      = {}
  parks_as       = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
}

run "a_topic_without_consumers_is_fine" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  assert {
    condition     = google_pubsub_topic.events.message_retention_duration == "604800s"
    error_message = "A topic that nobody listens to yet keeps nothing for who comes later."
  }
}

# Each variable of a run breaks one rule.
run "too_short" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    consumers = { billing = { dead_letter_topic = "dead-letters", push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com", service_url = "http://billing.example.com" } }
    delivery  = { ack_deadline_seconds = 9, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
    name      = "or"
  }

  expect_failures = [var.consumers, var.delivery, var.name]
}

run "too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 601, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
    name     = "goog-orders"
  }

  expect_failures = [var.delivery, var.name]
}

run "too_few_attempts" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 4, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "too_many_attempts" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 101, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "half_an_attempt" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20.5, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_below_zero" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = -1, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 601, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_the_wrong_way_round" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 200, minimum_backoff_seconds = 300, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "messages_kept_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 32 }
  }

  expect_failures = [var.delivery]
}

run "messages_not_kept" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 0 }
  }

  expect_failures = [var.delivery]
}

run "dead_letters_kept_too_long" {
  command = plan

  module {
    source = "./modules/dead-letters"
  }

  variables {
    retention_days = 32
  }

  expect_failures = [var.retention_days]
}

run "dead_letters_not_kept" {
  command = plan

  module {
    source = "./modules/dead-letters"
  }

  variables {
    retention_days = 0
  }

  expect_failures = [var.retention_days]
}
