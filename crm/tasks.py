"""Celery's doors: each calls one job."""

from celery import shared_task

from crm import jobs


@shared_task(name="crm.find_duplicates", ignore_result=True)
def find_duplicates() -> None:
    """Fill the list of likely duplicates; a second run does no harm, so it needs no slot of its own."""
    jobs.find_duplicates()


@shared_task(name="crm.work_on_import", ignore_result=True)
def work_on_import(import_id: int) -> None:
    jobs.work_on_import(import_id)


@shared_task(name="crm.sweep_imports", ignore_result=True)
def sweep_imports() -> None:
    jobs.sweep_imports()


@shared_task(name="crm.tell_webhooks", ignore_result=True)
def tell_webhooks() -> None:
    jobs.tell_webhooks()


@shared_task(name="crm.sweep_api", ignore_result=True)
def sweep_api() -> None:
    jobs.sweep_api()
