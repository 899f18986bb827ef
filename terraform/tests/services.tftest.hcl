# How services run.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id     = "fanout-test"
  project_number = "123456789012"
  environment    = "test"
  region         = "us-central1"
  mail           = { from = "Fanout <hello@example.com>" }
  # Of every service there is a folder for: a further consumer changes no test.
  images = {
    for manifest in fileset("../functions", "*-service/Cargo.toml") :
    dirname(manifest) => "us-central1-docker.pkg.dev/fanout-test/fanout/${dirname(manifest)}@sha256:${sha256(manifest)}"
  }
}

run "services" {
  command = apply

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : service.service.template[0].containers[0].image == var.images[service.service.name]])
    error_message = "A service does not run the image that was given for it by digest."
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : service.service.template[0].timeout == "60s"])
    error_message = "A request may take another time than the 60 s after which Pub/Sub no longer waits."
  }

  assert {
    condition = alltrue([
      for service in concat(values(module.service), values(module.consumer)) :
      [for probe in [service.service.template[0].containers[0].startup_probe[0], service.service.template[0].containers[0].liveness_probe[0]] : "${probe.http_get[0].path} ${probe.period_seconds} ${probe.timeout_seconds} ${probe.failure_threshold}"] == ["/health 1 1 30", "/health 30 5 3"]
    ])
    error_message = "A service is not probed on /health, each second for half a minute at its start and each half minute while it runs."
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : [for traffic in service.service.traffic : "${traffic.type} ${traffic.percent}"] == ["TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST 100"]])
    error_message = "Not all requests go to the newest revision."
  }

  assert {
    condition = alltrue([
      for service in concat(values(module.service), values(module.consumer)) :
      service.service.template[0].max_instance_request_concurrency == 80 &&
      service.service.template[0].containers[0].resources[0].limits == tomap({ cpu = "1", memory = "256Mi" }) &&
      service.service.template[0].containers[0].resources[0].cpu_idle &&
      service.service.template[0].scaling[0].min_instance_count == 0 &&
      service.service.template[0].scaling[0].max_instance_count > 0
    ])
    error_message = "A service's concurrency, CPU, memory or number of instances is not what the maps say."
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : service.service.deletion_protection])
    error_message = "A service can be deleted by accident."
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : service.service.labels.environment == "test" && service.service.labels.application == "fanout" && service.service.labels.managed-by == "terraform"])
    error_message = "A service lacks the labels."
  }

  assert {
    condition = { for env in module.service["user-service"].service.template[0].containers[0].env : env.name => env.value } == {
      EVENT_STORE_TTL_DAYS = "90"
      FIRESTORE_DATABASE   = "(default)"
      GOOGLE_CLOUD_PROJECT = "fanout-test"
      LOG_FORMAT           = "json"
    }
    error_message = "user-service is told something else than its project, database, how long events are kept and log format."
  }

  assert {
    condition = { for env in module.consumer["email"].service.template[0].containers[0].env : env.name => env.value if env.value != null && env.value != "" } == {
      ACK_DEADLINE_SECONDS   = "60"
      DEAD_LETTER_TOPIC      = "user-events-email-dead-letters"
      EVENT_STORE_TTL_DAYS   = "90"
      HANDLER_BUDGET_SECONDS = "45"
      LEASE_SECONDS          = "60"
      FIRESTORE_DATABASE     = "(default)"
      GOOGLE_CLOUD_PROJECT   = "fanout-test"
      LOG_FORMAT             = "json"
      MAIL_FROM              = "Fanout <hello@example.com>"
      PUSH_AUTH              = "iam"
    }
    error_message = "email-service is told something else than a consumer and a mailer need."
  }

  assert {
    condition     = one([for env in module.consumer["analytics"].service.template[0].containers[0].env : env.value if env.name == "SIGNUP_SHARDS"]) == "16"
    error_message = "analytics-service is not told how many documents share a day's count."
  }

  assert {
    condition     = one([for env in module.consumer["email"].service.template[0].containers[0].env : "${env.value_source[0].secret_key_ref[0].secret} ${env.value_source[0].secret_key_ref[0].version}" if env.name == "SMTP_URL"]) == "smtp-url latest"
    error_message = "SMTP_URL does not come from Secret Manager."
  }

  # Behind Cloud Run's check a token has no signature any more: `oidc` would refuse every push.
  assert {
    condition     = alltrue([for consumer in values(module.consumer) : one([for env in consumer.service.template[0].containers[0].env : env.value if env.name == "PUSH_AUTH"]) == "iam"])
    error_message = "A consumer behind Cloud Run's edge checks tokens itself."
  }

  assert {
    condition     = alltrue(flatten([for service in concat(values(module.service), values(module.consumer)) : [for env in service.service.template[0].containers[0].env : env.name != "PORT"]]))
    error_message = "PORT is set: Cloud Run refuses that."
  }
}

run "settings_of_an_environment" {
  command = apply

  variables {
    consumer_ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    deletion_protection  = false
    mail                 = { from = "hello@example.com", reply_to = "support@example.com", list_unsubscribe = "https://example.com/leave/{user_id}" }
    labels               = { team = "growth" }
    secret_versions      = { smtp-url = "7" }
    event_store_ttl_days = 30
    delivery             = { ack_deadline_seconds = 90, handler_budget_seconds = 75, lease_seconds = 120 }
    scaling = {
      crm-service  = { max_instances = 3 }
      user-service = { min_instances = 2, max_instances = 40 }
    }
  }

  assert {
    condition = (
      module.service["user-service"].service.template[0].scaling[0].min_instance_count == 2 &&
      module.service["user-service"].service.template[0].scaling[0].max_instance_count == 40 &&
      module.consumer["crm"].service.template[0].scaling[0].min_instance_count == 0 &&
      module.consumer["crm"].service.template[0].scaling[0].max_instance_count == 3 &&
      module.consumer["email"].service.template[0].scaling[0].max_instance_count == 10
    )
    error_message = "scaling does not change the services it names, or changes others."
  }

  assert {
    condition     = alltrue([for consumer in values(module.consumer) : consumer.service.ingress == "INGRESS_TRAFFIC_INTERNAL_ONLY"]) && module.service["user-service"].service.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "consumer_ingress does not close the consumers, or closes user-service."
  }

  assert {
    condition     = one([for env in module.consumer["email"].service.template[0].containers[0].env : env.value if env.name == "MAIL_REPLY_TO"]) == "support@example.com"
    error_message = "MAIL_REPLY_TO does not reach email-service."
  }

  assert {
    condition     = one([for env in module.consumer["email"].service.template[0].containers[0].env : env.value if env.name == "MAIL_LIST_UNSUBSCRIBE"]) == "https://example.com/leave/{user_id}"
    error_message = "MAIL_LIST_UNSUBSCRIBE does not reach email-service."
  }

  assert {
    condition     = one([for env in module.consumer["email"].service.template[0].containers[0].env : env.value_source[0].secret_key_ref[0].version if env.name == "SMTP_URL"]) == "7"
    error_message = "email-service does not get the version of the secret that the environment names."
  }

  assert {
    condition = (
      [for name in ["ACK_DEADLINE_SECONDS", "HANDLER_BUDGET_SECONDS", "LEASE_SECONDS"] : one([for env in module.consumer["crm"].service.template[0].containers[0].env : env.value if env.name == name])] == ["90", "75", "120"] &&
      module.topic["user-events"].subscriptions["crm"].ack_deadline_seconds == 90 &&
      module.consumer["crm"].service.template[0].timeout == "90s"
    )
    error_message = "Container, subscription and request time-out do not agree on the numbers of delivery."
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : one([for env in service.service.template[0].containers[0].env : env.value if env.name == "EVENT_STORE_TTL_DAYS"]) == "30"])
    error_message = "A service that stores events is not told how long they are kept."
  }

  assert {
    condition     = module.consumer["crm"].service.labels.team == "growth" && module.topic["user-events"].topic.labels.team == "growth"
    error_message = "A label of the environment does not reach services and topics."
  }

  assert {
    condition     = !module.consumer["crm"].service.deletion_protection && google_firestore_database.fanout.delete_protection_state == "DELETE_PROTECTION_DISABLED"
    error_message = "deletion_protection = false does not reach services and database."
  }
}

run "outputs" {
  command = apply

  assert {
    condition = output.service_urls == {
      for name in concat(["user-service"], [for consumer in keys(var.consumers) : "${consumer}-service"]) :
      name => "https://${name}-123456789012.us-central1.run.app"
    }
    error_message = "service_urls does not have the address of each service."
  }

  assert {
    condition = toset(keys(output.commands)) == toset(concat(
      [for name in keys(var.consumers) : "call_${name}-service"],
      [for name in keys(var.consumers) : "look_at_${name}_dead_letters"],
      ["publish_by_hand", "run_user-service_relay", "see_outcomes", "sign_up"],
    ))
    error_message = "The lines to try the system with are not those for each service, each consumer and the relay."
  }

  assert {
    condition     = output.commands["run_user-service_relay"] == "gcloud scheduler jobs run relay-user-service --project=fanout-test --location=us-central1"
    error_message = "The line to run the relay with is not one that works when pasted."
  }

  assert {
    condition     = output.commands.see_outcomes == "gcloud logging read 'resource.type=\"cloud_run_revision\" AND jsonPayload.outcome:*' --project=fanout-test --limit=20 --format='table(timestamp,jsonPayload.consumer,jsonPayload.outcome,jsonPayload.event_id)'"
    error_message = "The line to see outcomes with is not one that works when pasted."
  }

  assert {
    condition     = output.commands["call_crm-service"] == chomp(templatefile("./call.sh.tftpl", { account = "push-crm@fanout-test.iam.gserviceaccount.com", url = "https://crm-service-123456789012.us-central1.run.app" }))
    error_message = "The line to call a consumer with is not one that works when pasted."
  }

  assert {
    condition = (
      output.push_identities == { for name in keys(var.consumers) : name => "push-${name}@fanout-test.iam.gserviceaccount.com" } &&
      output.relay_identities == { user-service = "relay-user-service@fanout-test.iam.gserviceaccount.com" } &&
      output.subscriptions == { for name in keys(var.consumers) : name => "user-events-${name}" } &&
      keys(output.topics) == ["user-events"] &&
      output.user_service_public
    )
    error_message = "The outputs that the smoke test and operators go by do not name each identity, subscription and topic."
  }

  assert {
    condition     = output.commands.sign_up == "curl -X POST https://user-service-123456789012.us-central1.run.app/users -H 'Content-Type: application/json' -d '{\"email\":\"test@example.com\",\"name\":\"Test User\"}'"
    error_message = "The line to sign up with is not one that works when pasted."
  }

  assert {
    condition     = output.commands.publish_by_hand == "gcloud pubsub topics publish user-events --project=fanout-test --message='{\"userId\":\"test-123\",\"email\":\"manual@test.com\",\"name\":\"Manual Test\",\"event\":\"user.created\"}'"
    error_message = "The line to publish by hand with is not one that works when pasted."
  }

  assert {
    condition     = output.commands.look_at_crm_dead_letters == "gcloud pubsub subscriptions pull user-events-crm-dead-letters --project=fanout-test --limit=10 --format=json"
    error_message = "The line to look at dead letters with is not one that works when pasted."
  }

  assert {
    condition     = output.test_sender == "hello@example.com"
    error_message = "test_sender is not the bare address of the sender."
  }
}
