"""One line each: a task calls one job."""

from celery import shared_task

from crm import jobs


@shared_task(name="crm.tell_webhooks", ignore_result=True)
def tell_webhooks() -> None:
    jobs.tell_webhooks()


@shared_task(name="crm.sweep_api", ignore_result=True)
def sweep_api() -> None:
    jobs.sweep_api()
