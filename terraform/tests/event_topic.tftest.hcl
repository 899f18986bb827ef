# modules/event-topic by itself: it refuses what Pub/Sub would refuse, whoever uses it.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  name           = "orders"
  project_id     = "fanout-test"
  project_number = "123456789012"
  region         = "europe-west1"
  delivery = {
    ack_deadline_seconds       = 60
    dead_letter_retention_days = 31
    max_delivery_attempts      = 20
    maximum_backoff_seconds    = 600
    minimum_backoff_seconds    = 10
    retention_days             = 7
  }
  consumers = {
    billing = {
      dead_letter_topic    = "orders-billing-dead-letters"
      parks_as             = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
      push_audience        = "https://billing.example.com"
      push_endpoint        = "https://billing.example.com/pubsub/push"
      push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com"
      subscription         = "orders-billing"
    }
  }
}

run "inventory" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  assert {
    condition     = length(google_pubsub_subscription.push) == 1 && length(google_pubsub_topic.dead_letters) == 1 && length(google_pubsub_subscription.dead_letters) == 1
    error_message = "A consumer does not come with one subscription, one dead-letter topic and one dead-letter subscription."
  }

  assert {
    condition     = length(google_pubsub_topic_iam_member.dead_letter_forwarder) == 1 && length(google_pubsub_subscription_iam_member.dead_letter_forwarder) == 1 && length(google_pubsub_topic_iam_member.parking) == 1
    error_message = "A consumer does not come with both grants of Pub/Sub's service agent and its own right to park."
  }

  assert {
    condition     = output.name == "orders" && output.subscriptions["billing"].name == "orders-billing"
    error_message = "The module's outputs do not name topic and subscription."
  }
}

run "a_topic_without_consumers_is_fine" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  variables {
    consumers = {}
  }

  assert {
    condition     = google_pubsub_topic.events.message_retention_duration == "604800s"
    error_message = "A topic that nobody listens to yet keeps nothing for who comes later."
  }
}

run "ack_deadline_too_short" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 9, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "ack_deadline_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 601, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "too_few_attempts" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 4, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "too_many_attempts" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 101, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "half_an_attempt" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20.5, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_below_zero" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = -1, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 601, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "backoff_the_wrong_way_round" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 200, minimum_backoff_seconds = 300, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "messages_kept_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 32 }
  }

  expect_failures = [var.delivery]
}

run "messages_not_kept" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 31, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 0 }
  }

  expect_failures = [var.delivery]
}

run "dead_letters_kept_too_long" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 32, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "dead_letters_not_kept" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    delivery = { ack_deadline_seconds = 60, dead_letter_retention_days = 0, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  }

  expect_failures = [var.delivery]
}

run "name_with_googles_prefix" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    name = "goog-orders"
  }

  expect_failures = [var.name]
}

run "name_too_short" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    name = "or"
  }

  expect_failures = [var.name]
}

run "push_without_tls" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    consumers = {
      billing = {
        dead_letter_topic    = "orders-billing-dead-letters"
        parks_as             = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
        push_audience        = "http://billing.example.com"
        push_endpoint        = "http://billing.example.com/pubsub/push"
        push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com"
        subscription         = "orders-billing"
      }
    }
  }

  expect_failures = [var.consumers]
}

run "a_filter_that_says_nothing" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    consumers = {
      billing = {
        dead_letter_topic    = "orders-billing-dead-letters"
        filter               = ""
        parks_as             = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
        push_audience        = "https://billing.example.com"
        push_endpoint        = "https://billing.example.com/pubsub/push"
        push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com"
        subscription         = "orders-billing"
      }
    }
  }

  expect_failures = [var.consumers]
}

run "filter_over_256_characters" {
  command = plan

  module {
    source = "./modules/event-topic"
  }

  variables {
    consumers = {
      billing = {
        dead_letter_topic    = "orders-billing-dead-letters"
        filter               = "attributes.ce-type = \"${join("", [for n in range(235) : "x"])}\""
        parks_as             = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
        push_audience        = "https://billing.example.com"
        push_endpoint        = "https://billing.example.com/pubsub/push"
        push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com"
        subscription         = "orders-billing"
      }
    }
  }

  expect_failures = [var.consumers]
}
