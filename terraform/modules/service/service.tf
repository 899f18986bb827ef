# One Cloud Run service.

locals {
  # Known before the service exists, so that a plan shows where pushes go and what their tokens say.
  _url     = "https://${var.name}${local._url_end}"
  _url_end = "-${var.project_number}.${var.region}.run.app"
}

resource "google_cloud_run_v2_service" "service" {
  project  = var.project_id
  location = var.region
  name     = var.name
  labels   = var.labels

  deletion_protection = var.deletion_protection
  ingress             = var.ingress

  # Callers are checked at the edge: this is what makes PUSH_AUTH=iam safe. A public service is opened
  # here, and not by a grant to allUsers, which domain-restricted sharing refuses.
  invoker_iam_disabled = var.public

  template {
    labels          = var.labels
    service_account = local._email
    timeout         = "${var.timeout_seconds}s"

    max_instance_request_concurrency = var.concurrency

    scaling {
      min_instance_count = var.min_instances
      max_instance_count = var.max_instances
    }

    containers {
      name  = var.collector_image == null ? null : "service"
      image = var.image
      args  = [var.name] # the role

      # A collector is there before the first span. Cloud Run starts it first, and waits for its probe.
      depends_on = var.collector_image == null ? null : ["collector"]

      ports {
        container_port = 8080 # Cloud Run tells the container by PORT
      }

      resources {
        limits            = { cpu = var.cpu, memory = var.memory }
        cpu_idle          = true # CPU while there are requests; nothing here works between them
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = var.env

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value.secret
              version = env.value.version
            }
          }
        }
      }

      # A container that does not start (a setting is missing, say) never gets a request: the
      # revision before it goes on. It listens at once, and answers this when it has reached its store.
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30

        http_get {
          path = "/started"
        }
      }

      # /health asks no dependency: a store that is down is no reason to restart.
      liveness_probe {
        period_seconds    = 30
        timeout_seconds   = 5
        failure_threshold = 3

        http_get {
          path = "/health"
        }
      }
    }

    # collector.tf says what it does. It has no liveness probe: a service whose spans are lost goes on, one
    # whose instance is killed for its collector does not.
    dynamic "containers" {
      for_each = var.collector_image == null ? [] : [var.collector_image]

      content {
        name  = "collector"
        image = containers.value
        args  = ["--config=env:COLLECTOR_CONFIG"]

        env {
          name  = "COLLECTOR_CONFIG"
          value = local._collector_config
        }

        resources {
          limits            = { cpu = "1", memory = "256Mi" }
          cpu_idle          = true
          startup_cpu_boost = true
        }

        startup_probe {
          period_seconds    = 1
          timeout_seconds   = 1
          failure_threshold = 30

          http_get {
            path = "/"
            port = local._collector_port
          }
        }
      }
    }
  }

  traffic {
    type    = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    percent = 100
  }

  lifecycle {
    precondition {
      condition     = length("${var.name}-${var.project_number}") <= 63
      error_message = "The name ${var.name} is too long: with the project's number it must fit into 63 characters, or Cloud Run gives the service no predictable address."
    }

    # A wrong project number would send every push to nowhere, and name the wrong Pub/Sub agent.
    postcondition {
      condition     = anytrue([for url in self.urls : endswith(url, local._url_end)])
      error_message = "Cloud Run did not give ${var.name} the address ${local._url}. Is project_number the number of project_id? (gcloud projects describe PROJECT_ID --format='value(projectNumber)')"
    }
  }

  depends_on = [
    google_project_iam_member.firestore,
    google_project_iam_member.quota,
    google_project_iam_member.traces,
    google_secret_manager_secret_iam_member.secret,
    google_service_account_iam_member.deployer,
  ]
}
