# Who may do what: nothing is public but user-service, everything runs as itself, no right is wider than
# it has to be.

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

run "who_may_call" {
  command = apply

  assert {
    condition     = module.service["user-service"].service.invoker_iam_disabled
    error_message = "user-service is not public: nobody can sign up."
  }

  assert {
    condition     = alltrue([for consumer in values(module.consumer) : consumer.service.invoker_iam_disabled == false])
    error_message = "A consumer does not check its callers at the edge: anybody could hand it events."
  }

  assert {
    condition = alltrue([
      for name in keys(var.consumers) :
      [for grant in values(module.consumer[name].grants.invoker) : "${grant.role} ${grant.member} ${grant.name}"] == ["roles/run.invoker serviceAccount:push-${name}@fanout-test.iam.gserviceaccount.com ${name}-service"]
    ])
    error_message = "A consumer can be called by somebody else than the one identity of its own subscription."
  }

  assert {
    condition     = [for grant in values(module.service["user-service"].grants.invoker) : grant.member] == ["serviceAccount:relay-user-service@fanout-test.iam.gserviceaccount.com"]
    error_message = "user-service names other callers than Cloud Scheduler's identity for the outbox relay."
  }
}

run "a_further_service_is_private" {
  command = apply

  variables {
    user_service_invokers = ["group:testers@example.com"]
    services = {
      order-service = { publishes = ["user-events"], outbox_relay = false }
      user-service  = { publishes = ["user-events"] }
    }
    images = merge(var.images, { order-service = "us-central1-docker.pkg.dev/fanout-test/fanout/order-service@sha256:${sha256("order")}" })
  }

  assert {
    condition     = !module.service["order-service"].service.invoker_iam_disabled && length(module.service["order-service"].grants.invoker) == 0 && module.service["user-service"].service.invoker_iam_disabled
    error_message = "Another service than user-service is public, or user-service no longer is."
  }

  assert {
    condition     = keys(google_cloud_scheduler_job.relay) == ["user-service"]
    error_message = "A service without an outbox is called each minute."
  }
}

run "everything_runs_as_itself" {
  command = apply

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : service.service.template[0].service_account == "${service.service.name}@fanout-test.iam.gserviceaccount.com"])
    error_message = "A service runs as something else than its own account."
  }

  assert {
    condition = length(distinct(concat(
      [for service in concat(values(module.service), values(module.consumer)) : service.service.template[0].service_account],
      [for account in values(google_service_account.push) : "${account.account_id}@fanout-test.iam.gserviceaccount.com"],
      [for account in values(google_service_account.relay) : "${account.account_id}@fanout-test.iam.gserviceaccount.com"],
    ))) == 2 * (length(var.services) + length(var.consumers))
    error_message = "Services, subscriptions and relays do not have an account each."
  }
}

run "no_right_is_wider_than_it_has_to_be" {
  command = apply

  variables {
    operators = ["group:operators@example.com"]
  }

  assert {
    condition     = [for grant in module.service["user-service"].grants.publisher : "${grant.role} ${grant.topic} ${grant.member}"] == ["roles/pubsub.publisher user-events serviceAccount:user-service@fanout-test.iam.gserviceaccount.com"]
    error_message = "user-service may not publish on user-events, or may publish elsewhere."
  }

  assert {
    condition     = alltrue([for consumer in values(module.consumer) : length(consumer.grants.publisher) == 0])
    error_message = "A consumer may publish on a topic that is not its own dead-letter topic."
  }

  assert {
    condition = alltrue([
      for service in concat(values(module.service), values(module.consumer)) :
      length(service.grants.firestore) == 1 &&
      service.grants.firestore[0].role == "roles/datastore.user" &&
      service.grants.firestore[0].member == "serviceAccount:${service.service.name}@fanout-test.iam.gserviceaccount.com" &&
      service.grants.firestore[0].condition[0].expression == "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/fanout-test/databases/(default)\""
    ])
    error_message = "A service's right on Firestore is not roles/datastore.user on this one database."
  }

  assert {
    condition = (
      [for grant in values(module.consumer["email"].grants.secret) : "${grant.role} ${grant.secret_id} ${grant.member}"] == ["roles/secretmanager.secretAccessor smtp-url serviceAccount:email-service@fanout-test.iam.gserviceaccount.com"] &&
      alltrue([for name, service in merge(module.service, module.consumer) : name == "email" || length(service.grants.secret) == 0])
    )
    error_message = "The SMTP secret can be read by somebody else than email-service, or not by it."
  }

  assert {
    condition = { for name, grant in google_service_account_iam_member.push_tokens : name => "${grant.role} ${grant.service_account_id} ${grant.member}" } == {
      for name in keys(var.consumers) : name => "roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/push-${name}@fanout-test.iam.gserviceaccount.com serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    }
    error_message = "Pub/Sub's right to make tokens is not on each push identity by itself."
  }

  # Of the grants that these tests know. .ci/cloudbuild/grants.txt has every one, whoever makes it.
  assert {
    condition = toset(concat(
      flatten([for service in concat(values(module.service), values(module.consumer)) : [for grants in values(service.grants) : [for grant in grants : grant.role]]]),
      flatten([for topic in values(module.topic) : [for grants in values(topic.grants) : [for grant in values(grants) : grant.role]]]),
      [for grant in values(google_project_iam_member.tracing) : grant.role],
      [for grant in values(google_service_account_iam_member.push_tokens) : grant.role],
      [for grant in values(google_service_account_iam_member.push_impersonation) : grant.role],
      [for grant in values(google_service_account_iam_member.push_deployer) : grant.role],
      [for grant in values(google_service_account_iam_member.relay_deployer) : grant.role],
      [for grant in values(google_service_account_iam_member.relay_impersonation) : grant.role],
      )) == toset([
      "roles/datastore.user",
      "roles/datastore.viewer",
      "roles/iam.serviceAccountOpenIdTokenCreator",
      "roles/iam.serviceAccountUser",
      "roles/pubsub.publisher",
      "roles/pubsub.subscriber",
      "roles/pubsub.viewer",
      "roles/run.invoker",
      "roles/secretmanager.secretAccessor",
    ])
    error_message = "A role is granted that is not among the nine this system needs."
  }

  # The pipeline deploys as these accounts, and as no other of the project.
  assert {
    condition = (
      toset(keys(module.service)) == toset(keys(var.services)) && toset(keys(module.consumer)) == toset(keys(var.consumers)) &&
      alltrue([for service in concat(values(module.service), values(module.consumer)) : service.grants.deployer[0].role == "roles/iam.serviceAccountUser" && service.grants.deployer[0].service_account_id == "projects/fanout-test/serviceAccounts/${service.service.name}@fanout-test.iam.gserviceaccount.com" && service.grants.deployer[0].member == "serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"]) &&
      { for name, grant in google_service_account_iam_member.push_deployer : name => "${grant.role} ${grant.service_account_id} ${grant.member}" } == {
        for name in keys(var.consumers) : name => "roles/iam.serviceAccountUser projects/fanout-test/serviceAccounts/push-${name}@fanout-test.iam.gserviceaccount.com serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"
      } &&
      { for name, grant in google_service_account_iam_member.relay_deployer : name => "${grant.role} ${grant.service_account_id} ${grant.member}" } == {
        user-service = "roles/iam.serviceAccountUser projects/fanout-test/serviceAccounts/relay-user-service@fanout-test.iam.gserviceaccount.com serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"
      }
    )
    error_message = "The pipeline's account may not act as each account it deploys with."
  }

  assert {
    condition     = length(google_service_account_iam_member.relay_impersonation) == 0
    error_message = "The pipeline may call the relay as Cloud Scheduler although user-service is public."
  }
}

run "operators_redrive_as_the_subscription" {
  command = apply

  variables {
    operators = ["group:operators@example.com", "user:ada@example.com"]
  }

  assert {
    condition = toset([for grant in values(google_service_account_iam_member.push_impersonation) : "${grant.role} ${grant.service_account_id} ${grant.member}"]) == toset(flatten([
      for consumer in keys(var.consumers) : [
        for member in ["group:operators@example.com", "user:ada@example.com", "serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"] : "roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/push-${consumer}@fanout-test.iam.gserviceaccount.com ${member}"
      ]
    ]))
    error_message = "Push identities can be borrowed by others than the operators and the smoke test, or not by them."
  }

  assert {
    condition     = alltrue([for consumer in values(module.consumer) : length(consumer.grants.invoker) == 1])
    error_message = "An operator became a caller of a consumer."
  }

  assert {
    condition = { for member, grant in google_project_iam_member.tracing : member => "${grant.role} ${grant.member} ${grant.condition[0].expression}" } == {
      for member in ["group:operators@example.com", "user:ada@example.com"] :
      member => "roles/datastore.viewer ${member} resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/fanout-test/databases/(default)\""
    }
    error_message = "Operators can't trace an event through the database, or can do more than read this one."
  }
}

run "user_service_can_be_closed" {
  command = apply

  variables {
    user_service_public   = false
    user_service_invokers = ["group:testers@example.com"]
  }

  assert {
    condition     = alltrue([for service in concat(values(module.service), values(module.consumer)) : !service.service.invoker_iam_disabled])
    error_message = "Something is public although user_service_public is false."
  }

  assert {
    condition     = toset([for grant in values(module.service["user-service"].grants.invoker) : "${grant.role} ${grant.member}"]) == toset(["roles/run.invoker group:testers@example.com", "roles/run.invoker serviceAccount:relay-user-service@fanout-test.iam.gserviceaccount.com"])
    error_message = "A user-service that is not public can be called by others than those who are named and Cloud Scheduler, or not by them."
  }

  assert {
    condition     = strcontains(output.commands.sign_up, "/users -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type")
    error_message = "The line to sign up with says nothing of who calls."
  }

  assert {
    condition = { for name, grant in google_service_account_iam_member.relay_impersonation : name => "${grant.role} ${grant.service_account_id} ${grant.member}" } == {
      user-service = "roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/relay-user-service@fanout-test.iam.gserviceaccount.com serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"
    }
    error_message = "The smoke test has no identity to sign up with."
  }
}

run "without_a_pipeline_nobody_may_act_as_a_service" {
  command = apply

  variables {
    delivery_account_id = null
  }

  assert {
    condition = (
      alltrue([for service in concat(values(module.service), values(module.consumer)) : length(service.grants.deployer) == 0]) &&
      length(google_service_account_iam_member.push_deployer) + length(google_service_account_iam_member.relay_deployer) + length(google_service_account_iam_member.push_impersonation) == 0
    )
    error_message = "Somebody may act as an account although there is no pipeline and no operator."
  }

  assert {
    condition     = alltrue([for topic in values(module.topic) : length(topic.grants.dead_letter_readers) == 0])
    error_message = "Somebody may read dead letters although no operator is named."
  }

  assert {
    condition     = alltrue([for topic in values(module.topic) : length(topic.grants.push_readers) == 0])
    error_message = "Somebody may read where consumers are pushed to although no operator is named."
  }
}
