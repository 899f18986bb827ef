# modules/service by itself: it can't be opened by a list of callers, runs no tag, and notices a
# wrong project number.

mock_provider "google" {
  source = "./tests/mocks"
}

variables {
  name           = "crm-service"
  project_id     = "fanout-test"
  project_number = "123456789012"
  region         = "us-central1"
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/service@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
}

# Before any service is made: Cloud Run has given no address yet that could be compared.
run "an_address_that_is_too_long" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    name           = "a-name-of-thirty-letters-abcde"
    project_number = "123456789012345678901234567890123"
  }

  expect_failures = [google_cloud_run_v2_service.service]
}

run "a_bare_service_has_no_rights_and_no_callers" {
  command = apply

  module {
    source = "./modules/service"
  }

  assert {
    condition     = alltrue([for grants in values(output.grants) : length(grants) == 0])
    error_message = "A service that asks for nothing gets something."
  }

  assert {
    condition     = output.url == "https://crm-service-123456789012.us-central1.run.app"
    error_message = "The service's address is not the one Cloud Run gives it."
  }
}

# Each variable of a run breaks one rule.
run "what_cloud_run_or_we_refuse" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    concurrency     = 0
    cpu             = "0.5"
    env             = { PORT = "8080" }
    image           = "us-central1-docker.pkg.dev/fanout-test/fanout/service:latest"
    ingress         = "INGRESS_TRAFFIC_NONE"
    invokers        = { everybody = "allUsers" }
    max_instances   = 0
    memory          = "256"
    name            = "crm"
    timeout_seconds = 0
  }

  expect_failures = [var.concurrency, var.cpu, var.env, var.image, var.ingress, var.invokers, var.max_instances, var.memory, var.name, var.timeout_seconds]
}

run "less_than_no_instances" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    min_instances = -1
  }

  expect_failures = [var.min_instances]
}

run "more_instances_at_least_than_at_most" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    max_instances = 1
    min_instances = 2
  }

  expect_failures = [var.max_instances]
}

# Against the service that was made above, whose addresses Cloud Run has given.
run "another_projects_number" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    project_number = "999999999999"
  }

  expect_failures = [google_cloud_run_v2_service.service]
}
