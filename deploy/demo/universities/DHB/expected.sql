-- What the national rows must be, written from the tables by hand: no mapping file and no code of the agent takes part.
-- Columns are the entity's fields; a field that is not here must be null. untyped: the source's text of what has no code.

-- name: setup
create function pg_temp.iso(source text) returns text language sql as $$
    select source where source ~ '^[0-9]{4}(-[0-9]{2}){0,2}$'
        and pg_input_is_valid(left(source || case length(source) when 4 then '-01-01' else '-01' end, 10), 'date')
$$;
create function pg_temp.mode(source text) returns text language sql as $$
    select case source when 'full-time' then 'FULL_TIME' when 'part-time' then 'PART_TIME' when 'distance' then 'DISTANCE' end
$$;
create function pg_temp.province(number int) returns text language sql as $$
    select lpad(number::text, 2, '0') where number between 1 and 96 and number <> all (array[3, 5, 7, 9, 13, 16, 18, 21, 23, 28,
        29, 32, 39, 41, 43, 47, 50, 53, 55, 57, 59, 61, 63, 65, 69, 71, 73, 76, 78, 81, 85, 88, 90])
$$;
create function pg_temp.name(family text, others text) returns text language sql as $$
    select case when num_nonnulls(family, others) > 0 then concat_ws(' ', family, others) end
$$;
create function pg_temp.active(flag boolean) returns text language sql as $$
    select case flag when true then 'ACTIVE' when false then 'CLOSED' end
$$;

-- name: institution
select 'DHB/institution/' || code as record_key, code, name, case kind when 'U' then 'UNIVERSITY' end as institution_type,
    case state when 'A' then 'ACTIVE' when 'C' then 'CLOSED' end as status, decree_no as founding_decision,
    decree_date::text as founding_date, commune::text as ward_code, pg_temp.province(province) as province_code,
    jsonb_build_object(
        'institution_type', case when kind <> 'U' then kind end,
        'status', case when state not in ('A', 'C') then state end,
        'province_code', case when pg_temp.province(province) is null then province::text end) as untyped
from sis.institution

-- name: org_unit
select 'DHB/org_unit/' || unit_id as record_key, code, title as name, 'DHB/org_unit/' || parent_id as parent,
    case kind when 'board' then 'OTHER' when 'faculty' then 'FACULTY' when 'department' then 'DEPARTMENT'
        when 'office' then 'OFFICE' when 'institute' then 'INSTITUTE' when 'centre' then 'CENTRE' end as kind,
    pg_temp.active(active) as status,
    jsonb_build_object('kind', case when kind not in (
        'board', 'faculty', 'department', 'office', 'institute', 'centre') then kind end) as untyped
from sis.units

-- name: major_licence
select 'DHB/major_licence/' || major || '/' || level as record_key, major::text as major_code,
    case when level between 6 and 9 then level::text end as level, decree_no as decision_number,
    decree_date::text as decision_date, first_year, pg_temp.active(active) as status,
    jsonb_build_object('level', case when level not between 6 and 9 then level::text end) as untyped
from sis.licences

-- name: programme
select 'DHB/programme/' || programme_id as record_key, code, title as name, major::text as major_code,
    case when level between 6 and 9 then level::text end as level, pg_temp.mode(mode) as form_of_study,
    months as duration_months, first_intake as intake_year,
    case active when true then 'ACTIVE' when false then 'CLOSED' end as status,
    jsonb_build_object(
        'level', case when level not between 6 and 9 then level::text end,
        'form_of_study', case when pg_temp.mode(mode) is null then mode end) as untyped
from sis.programmes

-- name: person
select 'DHB/person/' || person_id as record_key,
    case when num_nonnulls(family_name, middle_name, given_name) > 0
        then concat_ws(' ', family_name, middle_name, given_name) end as full_name,
    pg_temp.iso(date_of_birth) as birth_date, case when gender in ('M', 'F') then gender::text end as sex,
    case when citizenship in ('VN', 'LA') then citizenship::text end as nationality,
    case when ethnic_group between 1 and 55 then lpad(ethnic_group::text, 2, '0') end as ethnicity,
    national_id as citizen_number,
    case other_document_kind when 'ID9' then 'CMND' when 'PASSPORT' then 'PASSPORT' end as document_type,
    other_document_no as document_number, pg_temp.province(birth_province) as birth_province,
    address as permanent_address, commune::text as ward_code, address_since::date::text as address_from,
    jsonb_build_object(
        'birth_date', case when pg_temp.iso(date_of_birth) is null then date_of_birth end,
        'sex', case when gender not in ('M', 'F') then gender end,
        'nationality', case when citizenship not in ('VN', 'LA') then citizenship end,
        'ethnicity', case when ethnic_group not between 1 and 55 then ethnic_group::text end,
        'document_type', case when other_document_kind not in ('ID9', 'PASSPORT') then other_document_kind end,
        'birth_province', case when pg_temp.province(birth_province) is null then birth_province::text end) as untyped
from sis.persons

-- name: learner
select 'DHB/learner/' || student_id as record_key, student_no as code, 'DHB/person/' || person_id as person, email,
    mobile as phone, case when policy between 1 and 3 then '0' || policy end as policy_group,
    jsonb_build_object('policy_group', case when policy not between 1 and 3 then policy::text end) as untyped
from sis.students

-- name: study_record
select 'DHB/study_record/' || enrolment_id as record_key, enrolment_id::text as local_id,
    'DHB/learner/' || student_id as learner, 'DHB/programme/' || programme_id as programme,
    admitted_on::text as enrolment_date, admission_decision as enrolment_decision, pg_temp.mode(mode) as form_of_study, cohort,
    study_year as year_of_study,
    case state when 'ACT' then 'STUDYING' when 'SUS' then 'SUSPENDED' when 'WDR' then 'WITHDRAWN' when 'GRD' then 'GRADUATED'
        when 'TRF' then 'TRANSFERRED' end as status,
    (state_since at time zone 'Asia/Ho_Chi_Minh')::date::text as status_date, is_main as main_programme,
    jsonb_build_object(
        'form_of_study', case when pg_temp.mode(mode) is null then mode end,
        'status', case when state not in ('ACT', 'SUS', 'WDR', 'GRD', 'TRF') then state end) as untyped
from sis.enrolments

-- name: study_decision
select 'DHB/study_decision/' || i.decision_id || '/' || i.enrolment_id as record_key,
    'DHB/study_record/' || i.enrolment_id as study_record,
    case d.kind when 'suspend' then 'SUSPENSION' when 'resume' then 'RETURN' when 'withdraw' then 'WITHDRAWAL'
        when 'transfer-out' then 'TRANSFER_OUT' when 'transfer-in' then 'TRANSFER_IN' when 'graduate' then 'GRADUATION'
        end as kind,
    d.number as decision_number, d.signed_on::text as decision_date, d.effective_on::text as effective_date,
    i.other_institution, i.remark as reason,
    case when d.decision_id is null
        then jsonb_build_object('kind', i.decision_id::text, 'decision_number', i.decision_id::text,
            'decision_date', i.decision_id::text, 'effective_date', i.decision_id::text)
        else jsonb_build_object('kind', case when d.kind not in (
            'suspend', 'resume', 'withdraw', 'transfer-out', 'transfer-in', 'graduate') then i.decision_id::text end)
        end as untyped
from sis.decision_items i left join sis.decisions d using (decision_id)

-- name: degree
select 'DHB/degree/' || degree_id as record_key, serial, register_no as register_number, register_year,
    case kind when 'B' then 'BACHELOR' when 'M' then 'MASTER' when 'D' then 'DOCTOR' end as kind,
    'DHB/person/' || person_id as person, 'DHB/study_record/' || enrolment_id as study_record,
    pg_temp.name(family_name, other_names) as full_name, pg_temp.iso(date_of_birth) as birth_date,
    case when level between 6 and 9 then level::text end as level, major::text as major_code,
    case honours when 'EXC' then 'EXCELLENT' when 'VGD' then 'VERY_GOOD' when 'GOD' then 'GOOD' when 'AVG' then 'AVERAGE'
        end as classification,
    awarded_on::text as award_date, decision_no as decision_number, decided_on::text as decision_date, signed_by as signer,
    case when state between 1 and 4 then state::text end as status, state_decision_no as status_decision_number,
    state_decided_on::text as status_decision_date,
    jsonb_build_object(
        'kind', case when kind not in ('B', 'M', 'D') then kind end,
        'birth_date', case when pg_temp.iso(date_of_birth) is null then date_of_birth end,
        'level', case when level not between 6 and 9 then level::text end,
        'classification', case when honours not in ('EXC', 'VGD', 'GOD', 'AVG') then honours end,
        'status', case when state not between 1 and 4 then state::text end) as untyped
from sis.degrees

-- name: degree_correction
select 'DHB/degree_correction/' || degree_id || '/' || replace(replace(replace(
        number, '%', '%25'), '/', '%2F'), 'QĐ', 'Q%C4%90') as record_key,
    'DHB/degree/' || degree_id as degree, number as decision_number, signed_on::text as decision_date, reason,
    pg_temp.name(family_name, other_names) as full_name, pg_temp.iso(date_of_birth) as birth_date,
    case when gender in ('M', 'F') then gender::text end as sex, pg_temp.province(birth_province) as birth_province,
    jsonb_build_object(
        'birth_date', case when pg_temp.iso(date_of_birth) is null then date_of_birth end,
        'sex', case when gender not in ('M', 'F') then gender end,
        'birth_province', case when pg_temp.province(birth_province) is null then birth_province::text end) as untyped
from sis.degree_corrections

-- name: staff_contract
select 'DHB/staff_contract/' || c.contract_id as record_key, s.staff_no as staff_code,
    'DHB/person/' || s.person_id as person,
    case c.kind when 'P' then 'PERMANENT' when 'F' then 'FIXED_TERM' when 'V' then 'VISITING' end as contract_form,
    c.starts_on::text as valid_from, c.ends_on::text as valid_to, c.full_time,
    case when c.kind in ('P', 'F', 'V') then c.kind = 'P' end as permanent,
    case s.position when 'LECT' then 'LECTURER' when 'SLECT' then 'SENIOR_LECTURER' when 'APROF' then 'ASSOC_PROFESSOR'
        when 'PROF' then 'PROFESSOR' when 'OTHER' then 'OTHER' end as title,
    case s.degree when 'BSC' then '7' when 'MSC' then '8' when 'PHD' then '9' end as highest_degree,
    case c.state when 'active' then 'ACTIVE' when 'ended' then 'LEFT' end as status,
    jsonb_build_object(
        'contract_form', case when c.kind not in ('P', 'F', 'V') then c.kind end,
        'permanent', case when c.kind not in ('P', 'F', 'V') then c.kind end,
        'title', case when s.position not in ('LECT', 'SLECT', 'APROF', 'PROF', 'OTHER') then c.staff_id::text end,
        'highest_degree', case when s.degree not in ('BSC', 'MSC', 'PHD') then c.staff_id::text end,
        'status', case when c.state not in ('active', 'ended') then c.state end) as untyped
from sis.contracts c join sis.staff s using (staff_id)

-- name: teaching_assignment
select 'DHB/teaching_assignment/' || t.staff_id || '/' || t.level || '/' || t.major || '/' || t.starts_on as record_key,
    s.staff_no as staff_code, 'DHB/person/' || s.person_id as person,
    case when t.level between 6 and 9 then t.level::text end as level, t.major::text as major_code,
    t.starts_on::text as valid_from, t.ends_on::text as valid_to, t.is_main as main, t.is_visiting as visiting,
    t.home_institution,
    jsonb_build_object('level', case when t.level not between 6 and 9 then t.level::text end) as untyped
from sis.teaching t join sis.staff s using (staff_id)
