"""One line each: a task calls one job."""

from celery import shared_task

from channels import jobs


@shared_task(name="channels.send_due")
def send_due() -> None:
    jobs.send_due()


@shared_task(name="channels.fall_back")
def fall_back(message_id: int) -> None:
    jobs.fall_back(message_id)


@shared_task(name="channels.process_receipts")
def process_receipts() -> None:
    jobs.process_receipts()


@shared_task(name="channels.post_echoes")
def post_echoes() -> None:
    jobs.post_echoes()


@shared_task(name="channels.sweep")
def sweep() -> None:
    jobs.sweep()
