"""The table of Django's database cache, as `createcachetable` would make it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ntrust", "0001_studies_people_and_events")]

    operations = [
        migrations.RunSQL(
            sql=[
                'CREATE TABLE "ntrust_cache" ("cache_key" varchar(255) NOT NULL PRIMARY KEY,'
                ' "value" text NOT NULL, "expires" timestamp with time zone NOT NULL)',
                'CREATE INDEX "ntrust_cache_expires" ON "ntrust_cache" ("expires")',
            ],
            reverse_sql='DROP TABLE "ntrust_cache"',
        )
    ]
