from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("ntrust", "0002_cache_in_the_database")]

    operations = [
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=Q(("revoked_at__isnull", True), ("revoked_by__isnull", True))
                | Q(("revoked_at__isnull", False), ("revoked_by__isnull", False)),
                name="membership_revoked_at_with_revoked_by",
            ),
        ),
    ]
