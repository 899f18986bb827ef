# One page: is it flowing, is it fast, what is stuck, what was repeated, what does it cost.

locals {
  _pubsub_subscription = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=${local._one_of.subscriptions}"
  _dead_letters        = "resource.type=\"pubsub_subscription\" AND resource.labels.subscription_id=${local._one_of.dead_letters}"
  _cloud_run           = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=${local._one_of.services}"
  _topics              = "resource.type=\"pubsub_topic\" AND resource.labels.topic_id=one_of(${join(",", [for topic in var.topics : "\"${topic}\""])})"
  _deliveries          = "resource.type=\"cloud_run_revision\" AND ${local._log_metric_types.deliveries}"

  # Those that have something to show.
  _charts = [for chart in local._all_charts : chart if !strcontains(jsonencode(chart), "one_of()")]

  # Each chart: what it shows, and its lines.
  _all_charts = [
    {
      title = "Published, per second"
      unit  = "1/s"
      lines = [{ filter = "${local._topics} AND metric.type=\"pubsub.googleapis.com/topic/send_message_operation_count\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.topic_id"] }]
    },
    {
      title = "Pushed, per second, by answer"
      unit  = "1/s"
      lines = [{ filter = "${local._pubsub_subscription} AND metric.type=\"pubsub.googleapis.com/subscription/push_request_count\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.subscription_id", "metric.label.response_class"] }]
    },
    {
      title = "Push latency, 95th percentile"
      unit  = "us"
      lines = [{ filter = "${local._pubsub_subscription} AND metric.type=\"pubsub.googleapis.com/subscription/push_request_latencies\"", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_95", by = ["resource.label.subscription_id"] }]
    },
    {
      title = "Request latency, 50th and 95th percentile"
      unit  = "ms"
      lines = [
        for percentile in ["50", "95"] :
        { filter = "${local._cloud_run} AND metric.type=\"run.googleapis.com/request_latencies\"", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_${percentile}", by = ["resource.label.service_name"] }
      ]
    },
    {
      title = "Answers, per second, by class"
      unit  = "1/s"
      lines = [{ filter = "${local._cloud_run} AND metric.type=\"run.googleapis.com/request_count\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["resource.label.service_name", "metric.label.response_code_class"] }]
    },
    {
      title = "Backlog"
      unit  = "1"
      lines = [{ filter = "${local._pubsub_subscription} AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\"", align = "ALIGN_MAX", reduce = "REDUCE_SUM", by = ["resource.label.subscription_id"] }]
    },
    {
      title = "Oldest unacked message"
      unit  = "s"
      lines = [{ filter = "${local._pubsub_subscription} AND metric.type=\"pubsub.googleapis.com/subscription/oldest_unacked_message_age\"", align = "ALIGN_MAX", reduce = "REDUCE_MAX", by = ["resource.label.subscription_id"] }]
    },
    {
      title = "Dead letters waiting"
      unit  = "1"
      lines = [{ filter = "${local._dead_letters} AND metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\"", align = "ALIGN_MAX", reduce = "REDUCE_SUM", by = ["resource.label.subscription_id"] }]
    },
    {
      title = "Duplicates, per minute"
      unit  = "1"
      lines = [{ filter = "${local._deliveries} AND metric.label.outcome=\"duplicate\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.consumer"] }]
    },
    {
      title = "Parked, per minute"
      unit  = "1"
      lines = [{ filter = "${local._deliveries} AND metric.label.outcome=\"parked\"", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.consumer"] }]
    },
    {
      title = "Outcomes, per second"
      unit  = "1/s"
      lines = [{ filter = local._deliveries, align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.consumer", "metric.label.outcome"] }]
    },
    {
      title = "Delivery time, 50th and 95th percentile"
      unit  = "ms"
      lines = [
        for percentile in ["50", "95"] :
        { filter = "${local._cloud_run_lines} AND ${local._log_metric_types.messaging_process_duration}", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_${percentile}", by = ["metric.label.consumer"] }
      ]
    },
    {
      title = "Publication time, 95th percentile"
      unit  = "s"
      lines = [{ filter = "${local._cloud_run_lines} AND ${local._log_metric_types.messaging_client_operation_duration}", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_95", by = ["metric.label.topic"] }]
    },
    {
      title = "Sent from the outbox, per second"
      unit  = "1/s"
      lines = [{ filter = "${local._cloud_run_lines} AND ${local._log_metric_types.messaging_client_sent_messages}", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = ["metric.label.topic"] }]
    },
    {
      title = "Parked by reason, and claims taken over, per minute"
      unit  = "1"
      lines = [
        { filter = "${local._cloud_run_lines} AND ${local._log_metric_types.parked}", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.consumer", "metric.label.reason"] },
        { filter = "${local._cloud_run_lines} AND ${local._log_metric_types.claims_taken_over}", align = "ALIGN_DELTA", reduce = "REDUCE_SUM", by = ["metric.label.consumer"] },
      ]
    },
    {
      title = "Outbox rows left"
      unit  = "1"
      lines = [{ filter = "${local._cloud_run_lines} AND ${local._log_metric_types.outbox_rows}", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_99", by = [] }]
    },
    {
      title = "Oldest outbox row"
      unit  = "s"
      lines = [{ filter = "${local._cloud_run_lines} AND ${local._log_metric_types.outbox_oldest_age}", align = "ALIGN_DELTA", reduce = "REDUCE_PERCENTILE_99", by = ["resource.label.service_name"] }]
    },
    {
      title = "Instances"
      unit  = "1"
      lines = [{ filter = "${local._cloud_run} AND metric.type=\"run.googleapis.com/container/instance_count\"", align = "ALIGN_MAX", reduce = "REDUCE_SUM", by = ["resource.label.service_name", "metric.label.state"] }]
    },
    {
      title = "Firestore operations, per second"
      unit  = "1/s"
      lines = [
        for operation in ["read", "write", "delete"] :
        { filter = "resource.type=\"firestore_instance\" AND metric.type=\"firestore.googleapis.com/document/${operation}_count\"", align = "ALIGN_RATE", reduce = "REDUCE_SUM", by = [] }
      ]
    },
  ]
  _columns = 3
  _width   = 16 # of 48
  _height  = 14

  # Where each chart is. What is 0 or empty is left out, here and below: the API does not give it back, and
  # each plan would put it there again.
  _places = [
    for index in range(length(local._charts)) : {
      for name, value in {
        xPos = index % local._columns * local._width
        yPos = floor(index / local._columns) * local._height
      } : name => value if value != 0
    }
  ]
}

resource "google_monitoring_dashboard" "fanout" {
  project = var.project_id

  dashboard_json = jsonencode({
    displayName = "Fanout ${var.environment}"
    mosaicLayout = {
      columns = 48
      tiles = [
        for index, chart in local._charts : merge(local._places[index], {
          width  = local._width
          height = local._height
          widget = {
            title = chart.title
            xyChart = {
              yAxis = { scale = "LINEAR" }
              dataSets = [
                for line in chart.lines : {
                  plotType   = "LINE"
                  targetAxis = "Y1"
                  timeSeriesQuery = {
                    unitOverride = chart.unit
                    timeSeriesFilter = {
                      filter = line.filter
                      aggregation = merge(
                        {
                          alignmentPeriod    = "60s"
                          perSeriesAligner   = line.align
                          crossSeriesReducer = line.reduce
                        },
                        length(line.by) == 0 ? {} : { groupByFields = line.by },
                      )
                    }
                  }
                }
              ]
            }
          }
        })
      ]
    }
  })
}
