"""Policy 1, in force from the start: the tiers of the product's defaults. A utility replaces it by one two people agree on."""

from django.db import migrations

RULES = (
    '{"break_glass":{"max_mw":"60","review_h":24},"rules":[{"name":"every plan","needs":{"approvals":1,"estimate":f'
    'alse,"reason":false,"step_up":"none","supervisors":0},"when":{}},{"name":"20 MW or more","needs":{"approvals":'
    '1,"estimate":false,"reason":false,"step_up":"password","supervisors":1},"when":{"mw_at_least":"20"}},{"name":"'
    'more than 60 MW","needs":{"approvals":2,"estimate":true,"reason":true,"step_up":"passkey","supervisors":1},"wh'
    'en":{"mw_above":"60"}},{"name":"edited after the proposal","needs":{"approvals":2,"estimate":false,"reason":tr'
    'ue,"step_up":"passkey","supervisors":1},"when":{"edited":true}},{"name":"emergency","needs":{"approvals":2,"es'
    'timate":true,"reason":true,"step_up":"passkey","supervisors":1},"when":{"strategy":["emergency"]}}]}'
)

INSERT = """
INSERT INTO planning_approvalpolicy (number, rules, rules_sha256, reason, wall_at)
SELECT 1, %s, encode(sha256(convert_to(%s, 'UTF8')), 'hex'), 'built in', now()
WHERE NOT EXISTS (SELECT 1 FROM planning_approvalpolicy)
"""


class Migration(migrations.Migration):
    dependencies = [("planning", "0008_approval_fence")]

    # Going back leaves the row: it is append-only, and goes with its table.
    operations = [migrations.RunSQL([(INSERT, [RULES, RULES])], migrations.RunSQL.noop)]
