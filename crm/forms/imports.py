"""Forms of imports: the file, and which column each heading stands for."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.enums import ImportKind
from crm.importing.columns import columns_of
from crm.models import Import


class ImportForm(forms.Form):
    """One file, and what its rows are."""

    kind = forms.ChoiceField(
        label=gettext_lazy("What is in it"),
        choices=ImportKind.choices,
        initial=ImportKind.FAMILIES,
        widget=forms.RadioSelect,
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"class": "form-control", "accept": ".csv,.tsv,.txt,.xlsx,text/csv"}),
        error_messages={"required": gettext_lazy("Choose a file first.")},
    )

    token = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].help_text = _("CSV or XLSX, at most %d MB") % settings.IMPORT_MAX_MB

    def clean_file(self) -> UploadedFile:
        """Refuse a file over the limit; it has only reached the disk, never memory."""
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > settings.IMPORT_MAX_MB * 1024 * 1024:
            raise ValidationError(_("This file is larger than %d MB; split it.") % settings.IMPORT_MAX_MB)
        return file


def _in_words(name: str) -> str:
    """A column as people say it: family_ref is “Family ref”, attributes.bus is “Bus”."""
    words = name.removeprefix("attributes.").replace("_", " ")
    return f"{words[:1].upper()}{words[1:]}"


class ColumnsForm(forms.Form):
    """For each heading of a file the column that it stands for."""

    def __init__(self, run: Import, data: Any = None) -> None:
        super().__init__(data)
        self.run = run
        self.columns = columns_of(run.kind)
        groups: dict[str, list[tuple[str, str]]] = {}
        for column in self.columns:
            groups.setdefault(str(column.group), []).append((column.name, _in_words(column.name)))
        plain = groups.pop("", [])
        for index, heading in enumerate(run.headings):
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=heading or _("(no heading)"),
                choices=[("", _("Leave out")), *plain, *groups.items()],
                initial=run.columns[index],
                required=False,
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def chosen(self) -> list[str]:
        """What was chosen, in the order of the headings."""
        return [self.cleaned_data.get(f"column_{index}", "") for index in range(len(self.run.headings))]
