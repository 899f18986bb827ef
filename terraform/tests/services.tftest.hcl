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
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "services" {
  command = apply

  assert {
    condition     = alltrue([for name, service in module.service : service.service.template[0].containers[0].image == var.image && service.service.template[0].containers[0].args == tolist([name])])
    error_message = "A service does not run the one image, given by digest, in its own role."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : service.service.template[0].timeout == "60s"])
    error_message = "A request may take another time than the 60 s after which Pub/Sub and Cloud Scheduler no longer wait."
  }

  assert {
    condition = alltrue([
      for service in values(module.service) :
      [for probe in [service.service.template[0].containers[0].startup_probe[0], service.service.template[0].containers[0].liveness_probe[0]] : "${probe.http_get[0].path} ${probe.period_seconds} ${probe.timeout_seconds} ${probe.failure_threshold}"] == ["/started 1 1 30", "/health 30 5 3"]
    ])
    error_message = "A service is not probed on /started, each second for half a minute at its start, and on /health each half minute while it runs."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : [for traffic in service.service.traffic : "${traffic.type} ${traffic.percent}"] == ["TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST 100"]])
    error_message = "Not all requests go to the newest revision."
  }

  assert {
    condition = alltrue([
      for name, service in module.service :
      service.service.template[0].max_instance_request_concurrency == var.services[name].concurrency &&
      service.service.template[0].containers[0].resources[0].limits == tomap({ cpu = var.services[name].cpu, memory = var.services[name].memory }) &&
      service.service.template[0].containers[0].resources[0].cpu_idle &&
      service.service.template[0].scaling[0].min_instance_count == 0 &&
      service.service.template[0].scaling[0].max_instance_count == var.services[name].max_instances
    ])
    error_message = "A service's concurrency, CPU, memory or number of instances is not what the table says."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : service.service.deletion_protection])
    error_message = "A service can be deleted by accident."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : service.service.labels.environment == "test" && service.service.labels.application == "fanout" && service.service.labels.managed-by == "terraform"])
    error_message = "A service lacks the labels."
  }

  # SMTP_URL has a source and no value. PORT is set by Cloud Run, which refuses to be told it. Behind its
  # check a token has no signature any more: with PUSH_AUTH `oidc` every push would be refused.
  assert {
    condition = { for name, service in module.service : name => { for env in service.service.template[0].containers[0].env : env.name => env.value if env.value != null && env.value != "" } } == {
      for name, service in local.services : name => merge(
        { FIRESTORE_DATABASE = "(default)", GOOGLE_CLOUD_PROJECT = "fanout-test", LOG_FORMAT = "json" },
        service.consumer == null ? {} : { ACK_DEADLINE_SECONDS = "60", HANDLER_BUDGET_SECONDS = "45", LEASE_SECONDS = "60", PUSH_AUTH = "iam" },
        name == "email-service" ? { MAIL_FROM = "Fanout <hello@example.com>" } : {},
        var.services[name].env,
      )
    }
    error_message = "A service is told something else than its project, database and log format, what a consumer or a mailer needs, and what its entry says."
  }

  assert {
    condition     = one([for env in module.service["email-service"].service.template[0].containers[0].env : "${env.value_source[0].secret_key_ref[0].secret} ${env.value_source[0].secret_key_ref[0].version}" if env.name == "SMTP_URL"]) == "smtp-url latest"
    error_message = "SMTP_URL does not come from Secret Manager."
  }
}

run "settings_of_an_environment" {
  command = apply

  variables {
    private_ingress      = "INGRESS_TRAFFIC_INTERNAL_ONLY"
    deletion_protection  = false
    mail                 = { from = "hello@example.com", reply_to = "support@example.com", list_unsubscribe = "https://example.com/leave/{user_id}" }
    labels               = { team = "growth" }
    secret_versions      = { smtp-url = "7" }
    event_store_ttl_days = 30
    schemas_url          = "https://schemas.example.org"
    audit_bucket         = "fanout-test-audit"
    delivery             = merge(var.delivery, { ack_deadline_seconds = 90, handler_budget_seconds = 75, lease_seconds = 120 })
  }

  assert {
    condition     = [for name, service in module.service : name if service.service.ingress != "INGRESS_TRAFFIC_INTERNAL_ONLY"] == ["user-service"] && module.service["user-service"].service.ingress == "INGRESS_TRAFFIC_ALL"
    error_message = "private_ingress does not close the services that are not public, or closes user-service."
  }

  assert {
    condition = { for env in module.service["email-service"].service.template[0].containers[0].env : env.name => env.value if startswith(env.name, "MAIL_") } == {
      MAIL_FROM = "hello@example.com", MAIL_LIST_UNSUBSCRIBE = "https://example.com/leave/{user_id}", MAIL_REPLY_TO = "support@example.com"
    }
    error_message = "What `mail` says does not reach email-service."
  }

  assert {
    condition     = { for name, service in module.service : name => one([for env in service.service.template[0].containers[0].env : env.value if env.name == "AUDIT_COPIES"]) if anytrue([for env in service.service.template[0].containers[0].env : env.name == "AUDIT_COPIES"]) } == { ticker = "gs://fanout-test-audit" }
    error_message = "What `audit_bucket` says does not reach the ticker, or reaches another service."
  }

  assert {
    condition     = one([for env in module.service["email-service"].service.template[0].containers[0].env : env.value_source[0].secret_key_ref[0].version if env.name == "SMTP_URL"]) == "7"
    error_message = "email-service does not get the version of the secret that the environment names."
  }

  assert {
    condition = (
      [for name in ["ACK_DEADLINE_SECONDS", "HANDLER_BUDGET_SECONDS", "LEASE_SECONDS"] : one([for env in module.service["crm-service"].service.template[0].containers[0].env : env.value if env.name == name])] == ["90", "75", "120"] &&
      module.topic["user-events"].subscriptions["crm"].ack_deadline_seconds == 90 &&
      module.service["crm-service"].service.template[0].timeout == "90s" &&
      module.service["ticker"].service.template[0].timeout == "60s"
    )
    error_message = "Container, subscription and request time-out do not agree on the numbers of delivery, or the ticker's time-out follows them."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : { for env in service.service.template[0].containers[0].env : env.name => env.value if contains(["EVENT_STORE_TTL_DAYS", "SCHEMAS_URL"], env.name) } == { EVENT_STORE_TTL_DAYS = "30", SCHEMAS_URL = "https://schemas.example.org" }])
    error_message = "A service that stores events is not told how long they are kept, or where their schemas are."
  }

  assert {
    condition     = module.service["crm-service"].service.labels.team == "growth" && module.topic["user-events"].topic.labels.team == "growth"
    error_message = "A label of the environment does not reach services and topics."
  }

  assert {
    condition     = !module.service["crm-service"].service.deletion_protection && google_firestore_database.fanout.delete_protection_state == "DELETE_PROTECTION_DISABLED"
    error_message = "deletion_protection = false does not reach services and database."
  }
}

run "overrides" {
  command = apply

  variables {
    overrides = {
      crm-service = {
        concurrency = 10, cpu = "2", max_instances = 3, memory = "512Mi", min_instances = 2
        env         = { CRM_MODE = "dry", PUSH_AUTH = "oidc" }, secrets = { CRM_KEY = "crm-key" }
      }
      email-service = { env = {} }
    }
  }

  assert {
    condition = (
      module.service["crm-service"].service.template[0].max_instance_request_concurrency == 10 &&
      module.service["crm-service"].service.template[0].containers[0].resources[0].limits == tomap({ cpu = "2", memory = "512Mi" }) &&
      module.service["crm-service"].service.template[0].scaling[0].min_instance_count == 2 &&
      module.service["crm-service"].service.template[0].scaling[0].max_instance_count == 3
    )
    error_message = "An override does not reach the service it names."
  }

  assert {
    condition = { for env in module.service["crm-service"].service.template[0].containers[0].env : env.name => try(env.value_source[0].secret_key_ref[0].secret, env.value) if contains(["CRM_KEY", "CRM_MODE", "PUSH_AUTH"], env.name) } == {
      CRM_KEY = "crm-key", CRM_MODE = "dry", PUSH_AUTH = "iam"
    } && module.service["crm-service"].grants.secret["CRM_KEY"].secret_id == "crm-key"
    error_message = "A further variable or secret does not reach its service, or one is overridden that the edge needs."
  }

  assert {
    condition = alltrue([
      for name, service in module.service :
      service.service.template[0].scaling[0].max_instance_count == var.services[name].max_instances && service.service.template[0].scaling[0].min_instance_count == 0 &&
      join(" ", keys(service.grants.secret)) == join(" ", keys(var.services[name].secrets)) if name != "crm-service"
    ])
    error_message = "An override changes other services, or takes away what it does not name."
  }
}

run "image_of" {
  command = plan

  variables {
    image_of = { crm-service = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }
  }

  assert {
    condition     = { for name, service in module.service : name => service.service.template[0].containers[0].image } == merge({ for name in keys(module.service) : name => var.image }, var.image_of)
    error_message = "image_of does not pin the service it names, or pins others."
  }
}

run "outputs" {
  command = apply

  assert {
    condition     = output.service_urls == { for name in keys(local.services) : name => "https://${name}-123456789012.us-central1.run.app" }
    error_message = "service_urls does not have the address of each service."
  }

  assert {
    condition = toset(keys(output.commands)) == toset(concat(
      [for consumer in values(local.consumers) : "call_${consumer.service}"],
      [for name in keys(local.consumers) : "look_at_${name}_dead_letters"],
      ["publish_by_hand", "see_outcomes", "sign_up", "tick"],
    ))
    error_message = "The lines to try the system with are not those for each service, each consumer and the ticker."
  }

  assert {
    condition     = output.commands.tick == "gcloud scheduler jobs run tick --project=fanout-test --location=us-central1"
    error_message = "The line to tick with is not one that works when pasted."
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
      output.callers == merge({ ticker = "ticker-caller@fanout-test.iam.gserviceaccount.com" }, { for name, consumer in local.consumers : consumer.service => "push-${name}@fanout-test.iam.gserviceaccount.com" }) &&
      output.subscriptions == { for name, consumer in local.consumers : name => [for topic in consumer.subscribes : "${topic}-${name}"] } &&
      output.dead_letter_subscriptions == { for name, consumer in local.consumers : name => "${consumer.subscribes[0]}-${name}-dead-letters" } &&
      toset(keys(output.topics)) == local.topics
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
