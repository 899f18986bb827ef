# Names and settings that follow from the maps, each in one place.

locals {
  labels = merge(var.labels, {
    application = "fanout"
    environment = var.environment
    managed-by  = "terraform"
  })

  deployer = var.delivery_account_id == null ? null : "serviceAccount:${var.delivery_account_id}@${var.project_id}.iam.gserviceaccount.com"

  # Everything that a consumer's name decides.
  consumers = {
    for name, consumer in var.consumers : name => merge(consumer, {
      dead_letter_topic = "${consumer.topic}-${name}-dead-letters"
      service           = "${name}-service"
      # A filter can't be changed: another filter is another subscription, by another name.
      subscription = join("-", concat([consumer.topic, name], consumer.filter == null ? [] : [substr(sha256(consumer.filter), 0, 8)]))
    })
  }

  # For how many days a mark remembers an event: the code's own number (Timings::PRODUCTION), here for
  # the rule about redriving late.
  mark_retention_days = 45

  # What every service is told. PORT comes from Cloud Run itself.
  common_env = {
    FIRESTORE_DATABASE   = google_firestore_database.fanout.name
    GOOGLE_CLOUD_PROJECT = var.project_id
    LOG_FORMAT           = "json"
  }

  # What differs by environment and so can't stand in the map of consumers.
  environment_env = {
    email-service = merge(
      { MAIL_FROM = var.mail.from },
      var.mail.reply_to == null ? {} : { MAIL_REPLY_TO = var.mail.reply_to },
      var.mail.list_unsubscribe == null ? {} : { MAIL_LIST_UNSUBSCRIBE = var.mail.list_unsubscribe },
    )
  }
}
