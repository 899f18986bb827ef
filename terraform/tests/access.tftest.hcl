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
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
}

run "who_may_call" {
  command = apply

  assert {
    condition     = [for name, service in module.service : name if service.service.invoker_iam_disabled] == ["user-service"]
    error_message = "user-service is not public, and nobody can sign up; or another service does not check its callers at the edge, and anybody could hand it events."
  }

  assert {
    condition = { for name, service in module.service : name => [for grant in values(service.grants.invoker) : "${grant.role} ${grant.member} ${grant.name}"] } == merge(
      { for name in keys(local.services) : name => [] },
      { for name, consumer in local.consumers : consumer.service => ["roles/run.invoker serviceAccount:push-${name}@fanout-test.iam.gserviceaccount.com ${consumer.service}"] },
      { ticker = ["roles/run.invoker serviceAccount:ticker-caller@fanout-test.iam.gserviceaccount.com ticker"] },
    )
    error_message = "A service can be called by others than the one identity of its own subscriptions, or of Cloud Scheduler."
  }
}

run "everything_runs_as_itself" {
  command = apply

  assert {
    condition     = alltrue([for name, service in module.service : service.service.template[0].service_account == "${name}@fanout-test.iam.gserviceaccount.com"])
    error_message = "A service runs as something else than its own account."
  }

  assert {
    condition = length(distinct(concat(
      [for service in values(module.service) : service.service.template[0].service_account],
      [for account in values(google_service_account.caller) : "${account.account_id}@fanout-test.iam.gserviceaccount.com"],
    ))) == length(local.services) + length(local.consumers) + 1
    error_message = "Services, consumers' subscriptions and the schedule do not have an account each."
  }
}

run "no_right_is_wider_than_it_has_to_be" {
  command = apply

  variables {
    operators             = ["group:operators@example.com", "user:ada@example.com"]
    user_service_public   = false
    user_service_invokers = ["group:testers@example.com"]
  }

  assert {
    condition = { for topic, made in module.topic : topic => [for grant in values(made.grants.publisher) : "${grant.role} ${grant.topic} ${grant.member}"] } == {
      for topic in keys(module.topic) : topic => [
        for name, service in local.services : "roles/pubsub.publisher ${topic} serviceAccount:${name}@fanout-test.iam.gserviceaccount.com" if contains(service.publishes, topic)
      ]
    } && length(setsubtract(["ticker", "user-service"], keys(module.topic["user-events"].grants.publisher))) == 0
    error_message = "A service, user-service or the ticker say, may not publish on a topic that its entry names, or another service may."
  }

  assert {
    condition = alltrue([
      for name, service in module.service :
      length(service.grants.firestore) == 1 &&
      service.grants.firestore[0].role == "roles/datastore.user" &&
      service.grants.firestore[0].member == "serviceAccount:${name}@fanout-test.iam.gserviceaccount.com" &&
      service.grants.firestore[0].condition[0].expression == "resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/fanout-test/databases/(default)\""
    ])
    error_message = "A service's right on Firestore is not roles/datastore.user on this one database."
  }

  assert {
    condition = { for name, service in module.service : name => [for grant in values(service.grants.secret) : "${grant.role} ${grant.secret_id} ${grant.member}"] } == {
      for name, service in local.services : name => [for secret in values(service.secrets) : "roles/secretmanager.secretAccessor ${secret} serviceAccount:${name}@fanout-test.iam.gserviceaccount.com"]
    } && keys(module.service["email-service"].grants.secret) == ["SMTP_URL"]
    error_message = "A secret, that of SMTP say, can be read by others than the service whose entry names it, or not by it."
  }

  assert {
    condition = { for name, grant in google_service_account_iam_member.push_tokens : name => "${grant.role} ${grant.service_account_id} ${grant.member}" } == {
      for name in keys(local.consumers) : name => "roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/push-${name}@fanout-test.iam.gserviceaccount.com serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com"
    }
    error_message = "Pub/Sub's right to make tokens is not on each push identity by itself."
  }

  # Of the grants that these tests know. .ci/cloudbuild/grants.txt has every one, whatever makes it.
  assert {
    condition = toset(concat(
      flatten([for service in values(module.service) : [for grants in values(service.grants) : [for grant in grants : grant.role]]]),
      flatten([for topic in values(module.topic) : [for grants in values(topic.grants) : [for grant in values(grants) : grant.role]]]),
      flatten([for dead_letters in values(module.dead_letters) : [for grant in values(dead_letters.grants) : grant.role]]),
      values(google_project_iam_member.operating)[*].role,
      values(google_project_iam_member.watching)[*].role,
      values(google_project_iam_member.listing)[*].role,
      values(google_service_account_iam_member.push_tokens)[*].role,
      values(google_service_account_iam_member.impersonation)[*].role,
      values(google_service_account_iam_member.caller_deployer)[*].role,
      )) == toset([
      "roles/datastore.user",
      "roles/iam.serviceAccountOpenIdTokenCreator",
      "roles/iam.serviceAccountUser",
      "roles/monitoring.viewer",
      "roles/pubsub.publisher",
      "roles/pubsub.subscriber",
      "roles/pubsub.viewer",
      "roles/run.invoker",
      "roles/run.viewer",
      "roles/secretmanager.secretAccessor",
    ])
    error_message = "A role is granted that is not among the ten this system needs."
  }

  # The pipeline deploys as these accounts, and as no other of the project.
  assert {
    condition = toset([for grant in concat(flatten(values(module.service)[*].grants.deployer), values(google_service_account_iam_member.caller_deployer)) : "${grant.role} ${grant.service_account_id} ${grant.member}"]) == toset([
      for name in concat(keys(local.services), [for consumer in keys(local.consumers) : "push-${consumer}"], ["ticker-caller"]) :
      "roles/iam.serviceAccountUser projects/fanout-test/serviceAccounts/${name}@fanout-test.iam.gserviceaccount.com serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"
    ])
    error_message = "The pipeline's account may not act as each account it deploys with, or as others."
  }

  assert {
    condition = toset([for grant in values(google_service_account_iam_member.impersonation) : "${grant.role} ${grant.service_account_id} ${grant.member}"]) == toset(concat(
      flatten([
        for consumer in keys(local.consumers) : [
          for member in ["group:operators@example.com", "user:ada@example.com", "serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"] : "roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/push-${consumer}@fanout-test.iam.gserviceaccount.com ${member}"
        ]
      ]),
      ["roles/iam.serviceAccountOpenIdTokenCreator projects/fanout-test/serviceAccounts/sign-up-caller@fanout-test.iam.gserviceaccount.com serviceAccount:fanout-delivery@fanout-test.iam.gserviceaccount.com"],
    ))
    error_message = "Push identities can be borrowed by others than the operators and the smoke test, or not by them; or the smoke test has no identity to sign up with where user-service is private."
  }

  assert {
    condition = { for member, grant in google_project_iam_member.operating : member => "${grant.role} ${grant.member} ${grant.condition[0].expression}" } == {
      for member in ["group:operators@example.com", "user:ada@example.com"] :
      member => "roles/datastore.user ${member} resource.type == \"firestore.googleapis.com/Database\" && resource.name == \"projects/fanout-test/databases/(default)\""
    }
    error_message = "Operators can't trace and skip events in the database, or can do that in another one."
  }

  assert {
    condition     = toset([for grant in values(google_project_iam_member.watching) : "${grant.role} ${grant.member}"]) == toset(["roles/monitoring.viewer group:operators@example.com", "roles/monitoring.viewer user:ada@example.com"])
    error_message = "Operators can't see what waits, as `fanout status` shows it, or others can."
  }

  assert {
    condition = toset([for grant in flatten([for service in values(module.service) : values(service.grants.viewer)]) : "${grant.role} ${grant.name} ${grant.member}"]) == toset(flatten([
      for name in keys(local.services) : [for member in ["group:operators@example.com", "user:ada@example.com"] : "roles/run.viewer ${name} ${member}"]
    ]))
    error_message = "Operators can't see each service, which `fanout doctor` compares, or others can."
  }

  assert {
    condition     = toset([for grant in values(google_project_iam_member.listing) : "${grant.role} ${grant.member}"]) == toset(["roles/pubsub.viewer group:operators@example.com", "roles/pubsub.viewer user:ada@example.com"])
    error_message = "Operators can't list subscriptions, with which `fanout dead-letters list` and `fanout doctor` begin, or see where one is pushed to, with which a redrive does; or others can."
  }

  assert {
    condition     = alltrue([for service in values(module.service) : !service.service.invoker_iam_disabled])
    error_message = "Something is public although user_service_public is false."
  }

  assert {
    condition = alltrue([for name, service in module.service : length(service.grants.invoker) <= 1 if name != "user-service"]) && toset([for grant in values(module.service["user-service"].grants.invoker) : "${grant.role} ${grant.member}"]) == toset([
      "roles/run.invoker group:testers@example.com", "roles/run.invoker serviceAccount:sign-up-caller@fanout-test.iam.gserviceaccount.com",
    ])
    error_message = "A user-service that is not public can be called by others than those who are named and the smoke test, or not by them; or they may call another service."
  }

  assert {
    condition     = strcontains(output.commands.sign_up, "/users -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" -H 'Content-Type") && output.callers.user-service == "sign-up-caller@fanout-test.iam.gserviceaccount.com"
    error_message = "The line to sign up with says nothing of who calls, or the smoke test does not learn it."
  }
}

# A service that people or other programs call, and that is not user-service.
run "invokers_of_a_private_service" {
  command = apply

  variables {
    systems = ["sign-up", "bank"]
    overrides = {
      account-service = { invokers = ["group:tellers@example.com", "serviceAccount:front-end@fanout-test.iam.gserviceaccount.com"] }
      crm-service     = { invokers = ["group:sales@example.com"] }
    }
  }

  assert {
    condition = { for name, service in module.service : name => [for grant in values(service.grants.invoker) : "${grant.role} ${grant.member} ${grant.name}"] } == merge(
      { for name in keys(local.services) : name => [] },
      { for name, consumer in local.consumers : consumer.service => ["roles/run.invoker serviceAccount:push-${name}@fanout-test.iam.gserviceaccount.com ${consumer.service}"] },
      { ticker = ["roles/run.invoker serviceAccount:ticker-caller@fanout-test.iam.gserviceaccount.com ticker"] },
      { account-service = ["roles/run.invoker group:tellers@example.com account-service", "roles/run.invoker serviceAccount:front-end@fanout-test.iam.gserviceaccount.com account-service"] },
      { crm-service = ["roles/run.invoker group:sales@example.com crm-service", "roles/run.invoker serviceAccount:push-crm@fanout-test.iam.gserviceaccount.com crm-service"] },
    )
    error_message = "Who is named in overrides may not call that one service, or may call another, or its subscriptions may not any more."
  }

  assert {
    condition     = [for name, service in module.service : name if service.service.invoker_iam_disabled] == ["user-service"]
    error_message = "A list of callers opens a service."
  }
}

run "without_a_pipeline_nobody_may_act_as_a_service" {
  command = apply

  variables {
    delivery_account_id = null
    user_service_public = false
  }

  assert {
    condition = (
      alltrue([for service in values(module.service) : length(service.grants.deployer) == 0]) &&
      length(google_service_account_iam_member.caller_deployer) + length(google_service_account_iam_member.impersonation) == 0 &&
      length(module.service["user-service"].grants.invoker) == 0
    )
    error_message = "There is somebody who may act as an account although there is no pipeline and no operator."
  }

  assert {
    condition     = length(google_project_iam_member.listing) == 0 && alltrue([for dead_letters in values(module.dead_letters) : dead_letters.grants.readers == null])
    error_message = "Dead letters, or where consumers are pushed to, can be read although no operator is named."
  }
}
