# How many of what the system consists of: nothing is made twice, and nothing is forgotten. The
# database's indexes are in data.tftest.hcl.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  project_id         = "fanout-test"
  project_number     = "123456789012"
  environment        = "test"
  region             = "us-central1"
  mail               = { from = "Fanout <hello@example.com>" }
  notification_email = "on-call@example.com"
  operators          = ["group:operators@example.com"]
  images = {
    for manifest in fileset("../functions", "*-service/Cargo.toml") :
    dirname(manifest) => "us-central1-docker.pkg.dev/fanout-test/fanout/${dirname(manifest)}@sha256:${sha256(manifest)}"
  }
}

run "the_whole_system" {
  command = apply

  assert {
    condition = {
      services                  = length(module.service) + length(module.consumer)
      topics                    = length(module.topic)
      subscriptions             = sum([for topic in values(module.topic) : length(topic.subscriptions)])
      dead_letter_topics        = sum([for topic in values(module.topic) : length(topic.dead_letter_topics)])
      dead_letter_subscriptions = sum([for topic in values(module.topic) : length(topic.dead_letter_subscriptions)])
      push_accounts             = length(google_service_account.push)
      relay_accounts            = length(google_service_account.relay)
      schedules                 = length(google_cloud_scheduler_job.relay)
      alerts                    = length([for alert in values(module.monitoring.alerts) : alert if alert != null])
      channels                  = length(module.monitoring.channels)
      } == {
      services                  = 1 + length(var.consumers)
      topics                    = 1
      subscriptions             = length(var.consumers)
      dead_letter_topics        = length(var.consumers)
      dead_letter_subscriptions = length(var.consumers)
      push_accounts             = length(var.consumers)
      relay_accounts            = 1
      schedules                 = 1
      alerts                    = 6
      channels                  = 1
    }
    error_message = "The system does not consist of a service for users and one for each consumer, a topic with as many subscriptions and dead-letter topics with theirs, an account that calls for each and for the relay, one schedule and six alerts."
  }

  # Of each service: may be deployed, reads and writes the database, is called by one identity.
  assert {
    condition = { for name, service in merge(module.service, module.consumer) : name => { for what, grants in service.grants : what => length(grants) if length(grants) > 0 } if contains(["analytics", "crm", "email", "user-service"], name) } == {
      analytics    = { deployer = 1, firestore = 1, invoker = 1 }
      crm          = { deployer = 1, firestore = 1, invoker = 1 }
      email        = { deployer = 1, firestore = 1, invoker = 1, secret = 1 }
      user-service = { deployer = 1, firestore = 1, invoker = 1, publisher = 1 }
    }
    error_message = "A service has another number of grants than it needs."
  }

  assert {
    condition = { for what, grants in module.topic["user-events"].grants : what => length(grants) } == {
      dead_letter_publisher  = length(var.consumers)
      dead_letter_readers    = length(var.consumers)
      dead_letter_subscriber = length(var.consumers)
      parking                = length(var.consumers)
      push_readers           = length(var.consumers)
    }
    error_message = "A consumer's subscription or dead-letter topic has another number of grants than it needs."
  }

  assert {
    condition = [
      length(google_service_account_iam_member.push_tokens), length(google_service_account_iam_member.push_impersonation),
      length(google_service_account_iam_member.push_deployer), length(google_service_account_iam_member.relay_deployer), length(google_service_account_iam_member.relay_impersonation),
    ] == [length(var.consumers), 2 * length(var.consumers), length(var.consumers), 1, 0]
    error_message = "The accounts that call can be used by others than Pub/Sub, the operators and the pipeline, or by fewer."
  }
}
