# The pipeline's roles: what Terraform calls to make and change things, and not what it takes to use
# them. A permission that turns out to be missing is named in the error; it is added here.

locals {
  _keepers = {
    fanoutAccountKeeper = {
      title       = "Fanout: keeps service accounts"
      description = "Makes, changes and deletes service accounts and says who may use them; makes no keys and acts as none. What it may act as stands on each account (modules/service)."
      permissions = [
        "iam.serviceAccounts.create",
        "iam.serviceAccounts.delete",
        "iam.serviceAccounts.get",
        "iam.serviceAccounts.getIamPolicy",
        "iam.serviceAccounts.list",
        "iam.serviceAccounts.setIamPolicy",
        "iam.serviceAccounts.update",
      ]
    }
    fanoutDatabaseKeeper = {
      title       = "Fanout: keeps the database's shape"
      description = "Makes the database, changes its settings, indexes and expiry; reads no document and can't delete it."
      permissions = [
        "datastore.databases.create",
        "datastore.databases.getMetadata",
        "datastore.databases.list",
        "datastore.databases.update",
        "datastore.indexes.create",
        "datastore.indexes.delete",
        "datastore.indexes.get",
        "datastore.indexes.list",
        "datastore.indexes.update",
        "datastore.locations.get",
        "datastore.locations.list",
        "datastore.operations.get",
        "datastore.operations.list",
      ]
    }
    fanoutScheduleKeeper = {
      title       = "Fanout: keeps schedules"
      description = "Makes, changes and deletes Cloud Scheduler jobs."
      permissions = [
        "cloudscheduler.jobs.create",
        "cloudscheduler.jobs.delete",
        "cloudscheduler.jobs.enable",
        "cloudscheduler.jobs.fullView",
        "cloudscheduler.jobs.get",
        "cloudscheduler.jobs.list",
        "cloudscheduler.jobs.pause",
        "cloudscheduler.jobs.update",
        "cloudscheduler.locations.get",
        "cloudscheduler.locations.list",
      ]
    }
    fanoutServiceKeeper = {
      title       = "Fanout: keeps services"
      description = "Makes, changes and deletes Cloud Run services and says who may call and see them; calls none."
      permissions = [
        "run.locations.list",
        "run.operations.get",
        "run.operations.list",
        "run.revisions.get",
        "run.revisions.list",
        "run.services.create",
        "run.services.delete",
        "run.services.get",
        "run.services.getIamPolicy",
        "run.services.list",
        "run.services.setIamPolicy",
        "run.services.update",
      ]
    }
    fanoutTopicKeeper = {
      title       = "Fanout: keeps topics and subscriptions"
      description = "Makes, changes and deletes topics and subscriptions and says who may use them; publishes and reads no message."
      permissions = [
        "pubsub.subscriptions.create",
        "pubsub.subscriptions.delete",
        "pubsub.subscriptions.get",
        "pubsub.subscriptions.getIamPolicy",
        "pubsub.subscriptions.list",
        "pubsub.subscriptions.setIamPolicy",
        "pubsub.subscriptions.update",
        "pubsub.topics.attachSubscription",
        "pubsub.topics.create",
        "pubsub.topics.delete",
        "pubsub.topics.get",
        "pubsub.topics.getIamPolicy",
        "pubsub.topics.list",
        "pubsub.topics.setIamPolicy",
        "pubsub.topics.update",
      ]
    }
  }
}

resource "google_project_iam_custom_role" "keeper" {
  for_each = local._keepers

  project     = var.project_id
  role_id     = "${each.key}${var.custom_role_suffix}"
  title       = each.value.title
  description = each.value.description
  permissions = each.value.permissions

  depends_on = [google_project_service.api]
}

resource "google_project_iam_custom_role" "granter" {
  project     = var.project_id
  role_id     = "fanoutDatastoreGranter${var.custom_role_suffix}"
  title       = "Fanout: grants on the project"
  description = "Changes the project's policy; only ever given with a condition on which roles."
  permissions = [
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "resourcemanager.projects.setIamPolicy",
  ]

  depends_on = [google_project_service.api]
}
