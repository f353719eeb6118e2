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

-- name: institution
select 'DHB/institution/' || code as record_key, code, name, case kind when 'U' then 'UNIVERSITY' end as institution_type,
    case state when 'A' then 'ACTIVE' when 'C' then 'CLOSED' end as status, decree_no as founding_decision,
    decree_date::text as founding_date, commune::text as ward_code, pg_temp.province(province) as province_code,
    jsonb_build_object(
        'institution_type', case when kind <> 'U' then kind end,
        'status', case when state not in ('A', 'C') then state end,
        'province_code', case when pg_temp.province(province) is null then province::text end) as untyped
from sis.institution

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
        end as status,
    (state_since at time zone 'Asia/Ho_Chi_Minh')::date::text as status_date, is_main as main_programme,
    jsonb_build_object(
        'form_of_study', case when pg_temp.mode(mode) is null then mode end,
        'status', case when state not in ('ACT', 'SUS', 'WDR', 'GRD') then state end) as untyped
from sis.enrolments

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
