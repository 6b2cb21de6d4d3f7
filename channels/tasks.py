"""One line each: a task calls one job."""

from celery import shared_task

from channels import jobs
from crm.services import run_once_a_slot, slot_of


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
    run_once_a_slot(job="channels.sweep", slot=slot_of(10), work=jobs.sweep)


@shared_task(name="channels.ask_vendors")
def ask_vendors() -> None:
    run_once_a_slot(job="channels.ask_vendors", slot=slot_of(60), work=jobs.ask_vendors)
