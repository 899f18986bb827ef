# What is replaced takes the grants on it along, and Terraform would not notice: each grant is made
# anew with it, and with nothing else. A grant that was made anew has another etag.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  name           = "orders"
  project_id     = "fanout-test"
  project_number = "123456789012"
  region         = "us-central1"
  delivery = {
    ack_deadline_seconds       = 60
    dead_letter_retention_days = 31
    max_delivery_attempts      = 20
    maximum_backoff_seconds    = 600
    minimum_backoff_seconds    = 10
    retention_days             = 7
  }
  dead_letter_readers = ["group:operators@example.com"]
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

run "topic" {
  command = apply

  module {
    source = "./modules/event-topic"
  }
}

run "topic_with_a_new_label" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  variables {
    labels = { team = "growth" }
  }

  assert {
    condition     = { for name, grants in output.grants : name => grants["billing"].etag } == { for name, grants in run.topic.grants : name => grants["billing"].etag }
    error_message = "A new label takes a grant away for a moment."
  }
}

run "subscription_replaced" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  plan_options {
    replace = [google_pubsub_subscription.push["billing"]]
  }

  assert {
    condition     = [for name, grants in output.grants : name if grants["billing"].etag != run.topic.grants[name]["billing"].etag] == ["dead_letter_subscriber", "push_readers"]
    error_message = "A push subscription that is made anew does not get its forwarding right again, or takes another grant along."
  }
}

run "dead_letter_topic_replaced" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  plan_options {
    replace = [google_pubsub_topic.dead_letters["billing"]]
  }

  assert {
    condition     = [for name, grants in output.grants : name if grants["billing"].etag != run.subscription_replaced.grants[name]["billing"].etag] == ["dead_letter_publisher", "parking"]
    error_message = "A dead-letter topic that is made anew does not get the rights to forward and to park again."
  }
}

run "dead_letter_subscription_replaced" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  plan_options {
    replace = [google_pubsub_subscription.dead_letters["billing"]]
  }

  assert {
    condition     = [for name, grants in output.grants : name if grants["billing"].etag != run.dead_letter_topic_replaced.grants[name]["billing"].etag] == ["dead_letter_readers"]
    error_message = "A dead-letter subscription that is made anew does not get its readers again."
  }
}

run "service" {
  command = apply

  module {
    source = "./modules/service"
  }

  variables {
    name      = "user-service"
    image     = "us-central1-docker.pkg.dev/fanout-test/fanout/user-service@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    invokers  = { relay = "serviceAccount:relay-user-service@fanout-test.iam.gserviceaccount.com" }
    publishes = { user-events = { id = run.topic.topic.id, name = run.topic.name } }
  }
}

run "service_replaced" {
  command = apply

  module {
    source = "./modules/service"
  }

  variables {
    name      = "user-service"
    image     = "us-central1-docker.pkg.dev/fanout-test/fanout/user-service@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    invokers  = { relay = "serviceAccount:relay-user-service@fanout-test.iam.gserviceaccount.com" }
    publishes = { user-events = { id = run.topic.topic.id, name = run.topic.name } }
  }

  plan_options {
    replace = [google_cloud_run_v2_service.service]
  }

  assert {
    condition     = output.grants.invoker["relay"].etag != run.service.grants.invoker["relay"].etag
    error_message = "A service that is made anew is not opened again to those who may call it."
  }

  assert {
    condition     = output.grants.publisher["user-events"].etag == run.service.grants.publisher["user-events"].etag
    error_message = "A service that is made anew takes its right to publish away for a moment."
  }
}

run "topic_of_the_service_replaced" {
  command = apply

  module {
    source = "./modules/service"
  }

  variables {
    name      = "user-service"
    image     = "us-central1-docker.pkg.dev/fanout-test/fanout/user-service@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
    invokers  = { relay = "serviceAccount:relay-user-service@fanout-test.iam.gserviceaccount.com" }
    publishes = { user-events = { id = "another", name = run.topic.name } }
  }

  assert {
    condition     = output.grants.publisher["user-events"].etag != run.service.grants.publisher["user-events"].etag
    error_message = "A topic that is made anew does not get its publisher's right again."
  }
}
