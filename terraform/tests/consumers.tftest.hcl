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
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "every_consumer" {
  command = apply

  assert {
    condition = toset(keys(module.topic["user-events"].subscriptions)) == toset([
      for service in values(var.services) : service.consumer if contains(service.subscribes, "user-events") && try(contains(var.systems, service.system), false)
    ]) && length(setintersection(keys(local.consumers), ["analytics", "crm", "email"])) == 3
    error_message = "The topic's subscriptions are not exactly those of the consumers, or analytics, crm or email is no consumer."
  }

  assert {
    condition = alltrue(flatten([
      for name, topic in module.topic : [
        for consumer, subscription in topic.subscriptions :
        subscription.name == "${name}-${consumer}" && subscription.topic == topic.topic.id && subscription.filter == null &&
        subscription.push_config[0].push_endpoint == "https://${local.consumers[consumer].service}-123456789012.us-central1.run.app/pubsub/push" &&
        subscription.push_config[0].oidc_token[0].service_account_email == "push-${consumer}@fanout-test.iam.gserviceaccount.com" &&
        subscription.push_config[0].oidc_token[0].audience == "https://${local.consumers[consumer].service}-123456789012.us-central1.run.app"
      ]
    ]))
    error_message = "A push subscription has another name or topic, or a filter (what its consumer learns to handle later would never have reached it); or it pushes somewhere else than to its own consumer's /pubsub/push, or without a token of its own identity for that address."
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
    condition = alltrue([
      for name, subscription in module.topic["user-events"].subscriptions :
      subscription.dead_letter_policy[0].dead_letter_topic == module.dead_letters[name].topic.id &&
      subscription.dead_letter_policy[0].max_delivery_attempts == 20
    ])
    error_message = "A subscription does not forward to its own consumer's dead-letter topic after 20 attempts."
  }

  assert {
    condition = alltrue([
      for name, dead_letters in module.dead_letters :
      dead_letters.topic.name == "${local.consumers[name].subscribes[0]}-${name}-dead-letters" &&
      dead_letters.subscription.name == dead_letters.topic.name &&
      dead_letters.subscription.topic == dead_letters.topic.id &&
      dead_letters.subscription.message_retention_duration == "2678400s" &&
      dead_letters.subscription.expiration_policy[0].ttl == "" &&
      length(dead_letters.subscription.push_config) == 0
    ])
    error_message = "A consumer lacks its own dead-letter topic with a pull subscription that keeps messages for 31 days and never expires."
  }

  assert {
    condition = alltrue([
      for name, grant in module.topic["user-events"].grants.forwarder :
      [for grant in [module.dead_letters[name].grants.forwarder, grant] : "${grant.role} ${grant.member}"] == [
        "roles/pubsub.publisher serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
        "roles/pubsub.subscriber serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com",
      ] && module.dead_letters[name].grants.forwarder.topic == local.consumers[name].dead_letters && grant.subscription == "user-events-${name}"
    ])
    error_message = "Pub/Sub's service agent may not ack on a consumer's subscription or publish on its dead-letter topic: nothing would ever be forwarded."
  }

  assert {
    condition = { for name, dead_letters in module.dead_letters : name => [for what in ["parking", "readers"] : "${dead_letters.grants[what].role} ${what == "parking" ? "${dead_letters.grants.parking.topic} ${dead_letters.grants.parking.member}" : "${dead_letters.grants.readers.subscription} ${join(" ", dead_letters.grants.readers.members)}"}"] } == {
      for name, consumer in local.consumers : name => [
        "roles/pubsub.publisher ${consumer.dead_letters} serviceAccount:${consumer.service}@fanout-test.iam.gserviceaccount.com",
        "roles/pubsub.subscriber ${consumer.dead_letters} group:operators@example.com",
      ]
    }
    error_message = "A consumer may not park on its own dead-letter topic, or others than the operators read what waits there."
  }

  assert {
    condition     = module.topic["user-events"].topic.message_retention_duration == "604800s"
    error_message = "The topic keeps nothing: a subscription that is replaced could not seek back."
  }

  assert {
    condition     = alltrue([for topic in concat([module.topic["user-events"].topic], values(module.dead_letters)[*].topic) : topic.message_storage_policy[0].allowed_persistence_regions == toset(["us-central1"])])
    error_message = "Messages may be stored outside of the region."
  }
}

# A service is one entry of the table: no other line of the configuration knows its name.
run "a_service_that_publishes_and_reacts_to_two_topics" {
  command = apply

  variables {
    services = merge(var.services, {
      trial-service = {
        concurrency   = 80
        consumer      = "trial"
        cpu           = "1"
        env           = { TRIAL_MODE = "orchestrated" }
        max_instances = 10
        memory        = "512Mi"
        public        = false
        publishes     = ["trial-events"]
        secrets       = {}
        subscribes    = ["trial-events", "user-events"]
        system        = "trial"
      }
      ticker = merge(var.services["ticker"], { publishes = ["other-events", "trial-events", "user-events"] })
    })
    systems = ["sign-up", "trial"]
  }

  assert {
    condition = (
      module.service["trial-service"].service.name == "trial-service" &&
      module.service["trial-service"].service.template[0].service_account == "trial-service@fanout-test.iam.gserviceaccount.com" &&
      module.service["trial-service"].service.template[0].containers[0].args == tolist(["trial-service"]) &&
      module.service["trial-service"].service.template[0].containers[0].resources[0].limits.memory == "512Mi"
    )
    error_message = "It has no service with its own account, role and memory."
  }

  assert {
    condition = { for env in module.service["trial-service"].service.template[0].containers[0].env : env.name => env.value } == {
      ACK_DEADLINE_SECONDS   = "60"
      FIRESTORE_DATABASE     = "(default)"
      GOOGLE_CLOUD_PROJECT   = "fanout-test"
      HANDLER_BUDGET_SECONDS = "45"
      LEASE_SECONDS          = "60"
      LOG_FORMAT             = "json"
      TRIAL_MODE             = "orchestrated"
      PUSH_AUTH              = "iam"
    }
    error_message = "Its environment is not what a consumer needs and what its entry says."
  }

  assert {
    condition = alltrue([
      for topic in ["trial-events", "user-events"] :
      module.topic[topic].subscriptions["trial"].name == "${topic}-trial" &&
      module.topic[topic].subscriptions["trial"].push_config[0].push_endpoint == "https://trial-service-123456789012.us-central1.run.app/pubsub/push" &&
      module.topic[topic].subscriptions["trial"].push_config[0].oidc_token[0].service_account_email == "push-trial@fanout-test.iam.gserviceaccount.com" &&
      module.topic[topic].subscriptions["trial"].dead_letter_policy[0].dead_letter_topic == module.dead_letters["trial"].topic.id &&
      module.topic[topic].grants.forwarder["trial"].subscription == "${topic}-trial"
    ]) && module.dead_letters["trial"].topic.name == "trial-events-trial-dead-letters" && keys(module.topic["trial-events"].subscriptions) == ["trial"]
    error_message = "It does not have a subscription in each of its topics, both to its one address, with its one caller and its one dead-letter topic; or another consumer hears a topic that it does not name."
  }

  assert {
    condition     = keys(module.topic["trial-events"].grants.publisher) == ["ticker", "trial-service"] && contains(keys(module.topic["user-events"].grants.publisher), "ticker") && !contains(keys(module.topic), "other-events")
    error_message = "A topic can be published on by others than those whose entries name it and the ticker; or one is made that only the ticker names."
  }

  assert {
    condition     = [for grant in values(module.service["trial-service"].grants.invoker) : grant.member] == ["serviceAccount:push-trial@fanout-test.iam.gserviceaccount.com"] && !module.service["trial-service"].service.invoker_iam_disabled
    error_message = "It can be called by others than its own subscriptions."
  }

  assert {
    condition = (
      strcontains(module.monitoring.alerts.dead_letters.conditions[0].condition_threshold[0].filter, "\"trial-events-trial-dead-letters\"") &&
      strcontains(module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].filter, "\"trial-events-trial\"") &&
      strcontains(module.monitoring.alerts.oldest_unacked.conditions[0].condition_threshold[0].filter, "\"user-events-trial\"") &&
      strcontains(module.monitoring.alerts.errors.conditions[0].condition_threshold[0].filter, "\"trial-service\"")
    )
    error_message = "Nobody is told of its dead letters, backlog or errors."
  }

  assert {
    condition     = output.service_urls["trial-service"] == "https://trial-service-123456789012.us-central1.run.app" && output.subscriptions["trial"] == ["trial-events-trial", "user-events-trial"] && output.dead_letter_subscriptions["trial"] == "trial-events-trial-dead-letters"
    error_message = "The outputs do not name it."
  }
}

# The same table, of which another part is deployed.
run "systems" {
  command = apply

  variables {
    services = merge(var.services, {
      trial-service = {
        concurrency   = 80
        consumer      = "trial"
        cpu           = "1"
        env           = {}
        max_instances = 10
        memory        = "256Mi"
        public        = false
        publishes     = ["trial-events"]
        secrets       = {}
        subscribes    = ["trial-events"]
        system        = "trial"
      }
      ticker = merge(var.services["ticker"], { publishes = ["trial-events", "user-events"] })
    })
    systems = ["trial"]
  }

  assert {
    condition     = keys(module.service) == ["ticker", "trial-service"] && keys(module.topic) == ["trial-events"] && keys(module.dead_letters) == ["trial"] && keys(google_service_account.caller) == ["push-trial", "ticker-caller"]
    error_message = "Not exactly the services of the system and the ticker are deployed, with their topic and callers."
  }

  assert {
    condition     = keys(module.topic["trial-events"].grants.publisher) == ["ticker", "trial-service"] && keys(output.commands) == ["call_trial-service", "look_at_trial_dead_letters", "see_outcomes", "tick"]
    error_message = "The ticker may not publish on the system's topic, or there are lines to try what is not deployed."
  }
}
