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
  delivery       = { ack_deadline_seconds = 60, max_delivery_attempts = 20, maximum_backoff_seconds = 600, minimum_backoff_seconds = 10, retention_days = 7 }
  publishers     = { billing = "serviceAccount:order-service@fanout-test.iam.gserviceaccount.com" }
  consumers = {
    billing = {
      dead_letter_topic    = "projects/fanout-test/topics/orders-billing-dead-letters"
      push_service_account = "push-billing@fanout-test.iam.gserviceaccount.com"
      service_url          = "https://billing.example.com"
    }
  }
  image    = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
  invokers = { push = "serviceAccount:push-crm@fanout-test.iam.gserviceaccount.com" }
  readers  = ["group:operators@example.com"]
  viewers  = ["group:operators@example.com"]
  parks_as = "serviceAccount:billing-service@fanout-test.iam.gserviceaccount.com"
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
    condition     = [for name, grants in output.grants : name if grants["billing"].etag != run.topic.grants[name]["billing"].etag] == ["forwarder"]
    error_message = "A push subscription that is made anew does not get its forwarding right again, or takes another grant along."
  }
}

# Its subscriptions are made anew with it.
run "topic_replaced" {
  command = apply

  module {
    source = "./modules/event-topic"
  }

  plan_options {
    replace = [google_pubsub_topic.events]
  }

  assert {
    condition     = output.grants.publisher["billing"].etag != run.subscription_replaced.grants.publisher["billing"].etag
    error_message = "A topic that is made anew does not get its publisher's right again."
  }
}

run "dead_letters" {
  command = apply

  module {
    source = "./modules/dead-letters"
  }

  variables {
    retention_days = 31
  }
}

run "dead_letter_topic_replaced" {
  command = apply

  module {
    source = "./modules/dead-letters"
  }

  variables {
    retention_days = 31
  }

  plan_options {
    replace = [google_pubsub_topic.dead_letters]
  }

  assert {
    condition     = setintersection([for name, grant in output.grants : name if grant.etag != run.dead_letters.grants[name].etag], ["forwarder", "parking"]) == toset(["forwarder", "parking"])
    error_message = "A dead-letter topic that is made anew does not get the rights to forward and to park again."
  }
}

run "dead_letter_subscription_replaced" {
  command = apply

  module {
    source = "./modules/dead-letters"
  }

  variables {
    labels         = { team = "growth" }
    retention_days = 31
  }

  plan_options {
    replace = [google_pubsub_subscription.dead_letters]
  }

  assert {
    condition     = [for name, grant in output.grants : name if grant.etag != run.dead_letter_topic_replaced.grants[name].etag] == ["readers"]
    error_message = "A dead-letter subscription that is made anew does not get its readers again; or it, or a new label, takes another grant away for a moment."
  }
}

run "service" {
  command = apply

  module {
    source = "./modules/service"
  }

  variables {
    name = "crm-service"
  }
}

run "service_replaced" {
  command = apply

  module {
    source = "./modules/service"
  }

  variables {
    name = "crm-service"
  }

  plan_options {
    replace = [google_cloud_run_v2_service.service]
  }

  assert {
    condition = alltrue([
      output.grants.invoker["push"].etag != run.service.grants.invoker["push"].etag,
      output.grants.viewer["group:operators@example.com"].etag != run.service.grants.viewer["group:operators@example.com"].etag,
    ])
    error_message = "A service that is made anew is not opened again to those who may call it, or to those who may see it."
  }
}
