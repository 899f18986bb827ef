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
  image          = "us-central1-docker.pkg.dev/fanout-test/fanout/crm-service@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
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

run "everybody_by_the_list_of_callers" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    invokers = { everybody = "allUsers" }
  }

  expect_failures = [var.invokers]
}

run "a_tag" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    image = "us-central1-docker.pkg.dev/fanout-test/fanout/crm-service:latest"
  }

  expect_failures = [var.image]
}

run "a_reserved_variable" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    env = { PORT = "8080" }
  }

  expect_failures = [var.env]
}

run "less_than_one_cpu" {
  command = plan

  module {
    source = "./modules/service"
  }

  variables {
    cpu = "0.5"
  }

  expect_failures = [var.cpu]
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

# Against the service of the first run, whose addresses Cloud Run has given.
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
