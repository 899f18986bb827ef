# Every consumer has all it needs to get every event once, and to lose none.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  operators      = ["group:operators@example.com"]
  # Of every service there is a folder for: a further consumer changes no test.
  images = {
    for manifest in fileset("../functions", "*-service/Cargo.toml") :
    dirname(manifest) => "us-central1-docker.pkg.dev/fanout-test/fanout/${dirname(manifest)}@sha256:${sha256(manifest)}"
  }
}

run "every_consumer" {
  command = apply

  assert {
    condition     = toset(keys(module.topic["user-events"].subscriptions)) == toset(keys(var.consumers)) && length(setintersection(keys(var.consumers), ["analytics", "crm", "email"])) == 3
    error_message = "The topic's subscriptions are not exactly those of the consumers, or analytics, crm or email is no consumer."
  }

  assert {
    condition     = alltrue([for name, subscription in module.topic["user-events"].subscriptions : subscription.name == "user-events-${name}" && subscription.topic == module.topic["user-events"].topic.id])
    error_message = "A push subscription is not called user-events-NAME or listens to another topic."
  }

  assert {
    condition     = alltrue([for name, subscription in module.topic["user-events"].subscriptions : subscription.push_config[0].push_endpoint == "https://${name}-service-123456789012.us-central1.run.app/pubsub/push"])
    error_message = "A subscription pushes somewhere else than to its own consumer's /pubsub/push."
  }

  assert {
    condition = alltrue([
      for name, subscription in module.topic["user-events"].subscriptions :
      subscription.push_config[0].oidc_token[0].service_account_email == "push-${name}@fanout-test.iam.gserviceaccount.com" &&
      subscription.push_config[0].oidc_token[0].audience == "https://${name}-service-123456789012.us-central1.run.app"
    ])
    error_message = "A subscription pushes without a token of its own identity for its own consumer's address."
  }

  assert {
    condition = alltrue([
      for subscription in values(module.topic["user-events"].subscriptions) :
      subscription.ack_deadline_seconds == 60 &&
      subscription.enable_message_ordering &&
      subscription.enable_exactly_once_delivery != true &&
      length(subscription.push_config[0].no_wrapper) == 0 &&
      subscription.message_retention_duration == "604800s" &&
      subscription.retry_policy[0].minimum_backoff == "10s" &&
      subscription.retry_policy[0].maximum_backoff == "600s" &&
      subscription.expiration_policy[0].ttl == ""
    ])
    error_message = "A push subscription lacks the ack deadline of 60 s, ordering, 7 days of retention, the retry policy of 10 s to 600 s, or the promise never to expire; or it asks for what a push does not have (exactly-once delivery), or pushes without the envelope that consumers read."
  }

  assert {
    condition     = alltrue([for subscription in values(module.topic["user-events"].subscriptions) : subscription.filter == null])
    error_message = "A subscription has a filter: what its consumer learns to handle later would never have reached it."
  }

  assert {
    condition = alltrue([
      for name, subscription in module.topic["user-events"].subscriptions :
      subscription.dead_letter_policy[0].dead_letter_topic == module.topic["user-events"].dead_letter_topics[name].id &&
      subscription.dead_letter_policy[0].max_delivery_attempts == 20
    ])
    error_message = "A subscription does not forward to its own consumer's dead-letter topic after 20 attempts."
  }

  assert {
    condition     = length(distinct([for topic in values(module.topic["user-events"].dead_letter_topics) : topic.name])) == length(var.consumers)
    error_message = "Consumers share a dead-letter topic: a redrive could not tell them apart."
  }

  assert {
    condition = alltrue([
      for name, subscription in module.topic["user-events"].dead_letter_subscriptions :
      subscription.name == "user-events-${name}-dead-letters" &&
      subscription.topic == module.topic["user-events"].dead_letter_topics[name].id &&
      subscription.message_retention_duration == "2678400s" &&
      subscription.expiration_policy[0].ttl == "" &&
      length(subscription.push_config) == 0
    ])
    error_message = "A dead-letter topic lacks its own pull subscription that keeps messages for 31 days and never expires."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      module.topic["user-events"].grants.dead_letter_publisher[name].topic == "user-events-${name}-dead-letters" &&
      module.topic["user-events"].grants.dead_letter_publisher[name].role == "roles/pubsub.publisher" &&
      module.topic["user-events"].grants.dead_letter_publisher[name].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    ])
    error_message = "Pub/Sub's service agent may not publish on a consumer's dead-letter topic: nothing would ever be forwarded."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      module.topic["user-events"].grants.dead_letter_subscriber[name].subscription == "user-events-${name}" &&
      module.topic["user-events"].grants.dead_letter_subscriber[name].role == "roles/pubsub.subscriber" &&
      module.topic["user-events"].grants.dead_letter_subscriber[name].member == "serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    ])
    error_message = "Pub/Sub's service agent may not ack on a consumer's subscription: nothing would ever be forwarded."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      module.topic["user-events"].grants.parking[name].topic == "user-events-${name}-dead-letters" &&
      module.topic["user-events"].grants.parking[name].role == "roles/pubsub.publisher" &&
      module.topic["user-events"].grants.parking[name].member == "serviceAccount:${name}-service@fanout-test.iam.gserviceaccount.com"
    ])
    error_message = "A consumer may not park on its own dead-letter topic, or may publish elsewhere."
  }

  assert {
    condition     = alltrue([for name in keys(var.consumers) : module.topic["user-events"].grants.dead_letter_readers[name].members == toset(["group:operators@example.com"])])
    error_message = "Dead letters can be read by somebody else than the operators."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      module.topic["user-events"].grants.push_readers[name].subscription == "user-events-${name}" &&
      module.topic["user-events"].grants.push_readers[name].role == "roles/pubsub.viewer" &&
      module.topic["user-events"].grants.push_readers[name].members == toset(["group:operators@example.com"])
    ])
    error_message = "Operators can't read where a consumer is pushed to: nothing could be redriven."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      one([for env in module.consumer[name].service.template[0].containers[0].env : env.value if env.name == "DEAD_LETTER_TOPIC"]) == module.topic["user-events"].dead_letter_topics[name].name
    ])
    error_message = "A consumer is told another dead-letter topic than its own."
  }

  assert {
    condition     = module.topic["user-events"].topic.message_retention_duration == "604800s"
    error_message = "The topic keeps nothing: a subscription that is replaced could not seek back."
  }

  assert {
    condition     = alltrue([for topic in concat([module.topic["user-events"].topic], values(module.topic["user-events"].dead_letter_topics)) : topic.message_storage_policy[0].allowed_persistence_regions == toset(["us-central1"])])
    error_message = "Messages may be stored outside of the region."
  }

  assert {
    condition     = output.dead_letter_subscriptions == { for name in keys(var.consumers) : name => "user-events-${name}-dead-letters" }
    error_message = "The output dead_letter_subscriptions does not name each consumer's."
  }
}

# A consumer is one entry: no other line of the configuration knows its name.
run "a_fourth_consumer" {
  command = apply

  variables {
    consumers = {
      analytics = {}
      crm       = {}
      email     = { secrets = { SMTP_URL = { secret = "smtp-url" } } }
      loyalty   = { memory = "512Mi", env = { POINTS = "100" } }
    }
    images = merge(var.images, { loyalty-service = "us-central1-docker.pkg.dev/fanout-test/fanout/loyalty-service@sha256:${sha256("loyalty")}" })
  }

  assert {
    condition = (
      module.consumer["loyalty"].service.name == "loyalty-service" &&
      module.consumer["loyalty"].service.template[0].service_account == "loyalty-service@fanout-test.iam.gserviceaccount.com" &&
      endswith(module.consumer["loyalty"].service.template[0].containers[0].image, "/loyalty-service@${split("@", var.images["loyalty-service"])[1]}") &&
      module.consumer["loyalty"].service.template[0].containers[0].resources[0].limits.memory == "512Mi"
    )
    error_message = "The fourth consumer has no service of its own with its own account, image and memory."
  }

  assert {
    condition = { for env in module.consumer["loyalty"].service.template[0].containers[0].env : env.name => env.value } == {
      ACK_DEADLINE_SECONDS   = "60"
      DEAD_LETTER_TOPIC      = "user-events-loyalty-dead-letters"
      EVENT_STORE_TTL_DAYS   = "90"
      FIRESTORE_DATABASE     = "(default)"
      GOOGLE_CLOUD_PROJECT   = "fanout-test"
      HANDLER_BUDGET_SECONDS = "45"
      LEASE_SECONDS          = "60"
      LOG_FORMAT             = "json"
      POINTS                 = "100"
      PUSH_AUTH              = "iam"
    }
    error_message = "The fourth consumer's environment is not what a consumer needs and what its entry says."
  }

  assert {
    condition = (
      module.topic["user-events"].subscriptions["loyalty"].push_config[0].push_endpoint == "https://loyalty-service-123456789012.us-central1.run.app/pubsub/push" &&
      module.topic["user-events"].subscriptions["loyalty"].push_config[0].oidc_token[0].audience == "https://loyalty-service-123456789012.us-central1.run.app" &&
      module.topic["user-events"].subscriptions["loyalty"].push_config[0].oidc_token[0].service_account_email == "push-loyalty@fanout-test.iam.gserviceaccount.com" &&
      module.topic["user-events"].subscriptions["loyalty"].expiration_policy[0].ttl == "" &&
      module.topic["user-events"].subscriptions["loyalty"].retry_policy[0].maximum_backoff == "600s" &&
      module.topic["user-events"].subscriptions["loyalty"].dead_letter_policy[0].dead_letter_topic == module.topic["user-events"].dead_letter_topics["loyalty"].id
    )
    error_message = "The fourth consumer's subscription lacks address, token, retry policy, dead-letter policy, or expires."
  }

  assert {
    condition = (
      module.topic["user-events"].dead_letter_subscriptions["loyalty"].topic == module.topic["user-events"].dead_letter_topics["loyalty"].id &&
      module.topic["user-events"].dead_letter_subscriptions["loyalty"].message_retention_duration == "2678400s" &&
      module.topic["user-events"].grants.dead_letter_publisher["loyalty"].topic == "user-events-loyalty-dead-letters" &&
      module.topic["user-events"].grants.dead_letter_subscriber["loyalty"].subscription == "user-events-loyalty" &&
      module.topic["user-events"].grants.parking["loyalty"].member == "serviceAccount:loyalty-service@fanout-test.iam.gserviceaccount.com"
    )
    error_message = "The fourth consumer's dead letters lack the subscription, one of Pub/Sub's two grants, or the right to park."
  }

  assert {
    condition     = [for grant in values(module.consumer["loyalty"].grants.invoker) : grant.member] == ["serviceAccount:push-loyalty@fanout-test.iam.gserviceaccount.com"] && !module.consumer["loyalty"].service.invoker_iam_disabled
    error_message = "The fourth consumer can be called by somebody else than its own subscription."
  }

  assert {
    condition     = google_service_account_iam_member.push_tokens["loyalty"].service_account_id == "projects/fanout-test/serviceAccounts/push-loyalty@fanout-test.iam.gserviceaccount.com"
    error_message = "Pub/Sub may not make tokens of the fourth consumer's push identity."
  }

  assert {
    condition = (
      strcontains(module.monitoring.alerts.dead_letters.conditions[0].condition_threshold[0].filter, "\"user-events-loyalty-dead-letters\"") &&
      strcontains(module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].filter, "\"user-events-loyalty\"") &&
      strcontains(module.monitoring.alerts.errors.conditions[0].condition_threshold[0].filter, "\"loyalty-service\"")
    )
    error_message = "Nobody is told of the fourth consumer's dead letters, backlog or errors."
  }

  assert {
    condition     = output.service_urls["loyalty-service"] == "https://loyalty-service-123456789012.us-central1.run.app" && output.subscriptions["loyalty"] == "user-events-loyalty"
    error_message = "The outputs do not name the fourth consumer."
  }
}

run "a_consumer_of_a_small_part" {
  command = apply

  variables {
    consumers = {
      crm   = { filter = "hasPrefix(attributes.ce-subject, \"usr_\")" }
      email = {}
    }
  }

  assert {
    condition = (
      module.topic["user-events"].subscriptions["crm"].filter == "hasPrefix(attributes.ce-subject, \"usr_\")" &&
      module.topic["user-events"].subscriptions["crm"].name == "user-events-crm-${substr(sha256("hasPrefix(attributes.ce-subject, \"usr_\")"), 0, 8)}" &&
      module.topic["user-events"].subscriptions["email"].name == "user-events-email"
    )
    error_message = "A filter does not reach its subscription, or another filter would keep the subscription's name, which Pub/Sub can't do."
  }

  assert {
    condition     = output.subscriptions["crm"] == module.topic["user-events"].subscriptions["crm"].name && strcontains(module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].filter, "\"${output.subscriptions["crm"]}\"")
    error_message = "Nobody is told of the backlog of a subscription with a filter."
  }
}
