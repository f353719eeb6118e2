-- University 2: a bought student information system, normalised, in English, in a schema of its own.
create schema sis;
create table sis.institution (
    code varchar(10) primary key, name text not null, kind char(1), state char(1), decree_no text, decree_date date,
    commune char(5), province smallint
);
create table sis.units (
    unit_id int primary key, parent_id int, code varchar(20) not null, title text, kind varchar(12), active boolean
);
create table sis.licences (
    major char(7), level smallint, decree_no text, decree_date date, first_year smallint, active boolean,
    primary key (major, level)
);
create table sis.programmes (
    programme_id int primary key, code text not null, title text, major char(7), level smallint, mode text, months int,
    first_intake smallint, active boolean
);
create table sis.persons (
    person_id bigint primary key, family_name text, middle_name text, given_name text, date_of_birth varchar(10),
    gender char(1), citizenship char(2), ethnic_group smallint, national_id varchar(20), other_document_kind varchar(10),
    other_document_no varchar(20), birth_province smallint, address text, commune char(5), address_since timestamp
);
-- Some addresses hold a pasted history. Stored apart, an update of another column does not carry them into the log.
alter table sis.persons alter column address set storage external;
create table sis.students (
    student_id bigint primary key, person_id bigint not null, student_no varchar(20) not null, email text, mobile text,
    policy smallint
);
create table sis.enrolments (
    enrolment_id bigint primary key, student_id bigint not null, programme_id int not null, admitted_on date,
    admission_decision text, mode text, cohort text, study_year smallint, state char(3), state_since timestamptz,
    is_main boolean
);
-- One decision may name many students.
create table sis.decisions (
    decision_id bigint primary key, kind varchar(15), number text, signed_on date, effective_on date
);
create table sis.decision_items (
    decision_id bigint, enrolment_id bigint, other_institution varchar(10), remark text,
    primary key (decision_id, enrolment_id)
);
create table sis.degrees (
    degree_id bigint primary key, person_id bigint not null, enrolment_id bigint, serial varchar(20), register_no varchar(20),
    register_year smallint, kind char(1), family_name text, other_names text, date_of_birth varchar(10), level smallint,
    major char(7), honours char(3), awarded_on date, decision_no text, decided_on date, signed_by text, state smallint,
    state_decision_no text, state_decided_on date
);
create table sis.degree_corrections (
    degree_id bigint, number text, signed_on date, reason text, family_name text, other_names text,
    date_of_birth varchar(10), gender char(1), birth_province smallint, primary key (degree_id, number)
);
create table sis.staff (
    staff_id bigint primary key, person_id bigint not null, staff_no varchar(20) not null, position varchar(10), degree char(3)
);
create table sis.contracts (
    contract_id bigint primary key, staff_id bigint not null, kind char(1), starts_on date, ends_on date, full_time boolean,
    state varchar(10)
);
create table sis.teaching (
    staff_id bigint, level smallint, major char(7), starts_on date, ends_on date, is_main boolean, is_visiting boolean,
    home_institution varchar(10), primary key (staff_id, level, major, starts_on)
);
create index on sis.students (person_id);
create index on sis.enrolments (student_id);
create index on sis.staff (person_id);
create index on sis.contracts (staff_id);
create index on sis.decision_items (enrolment_id);
create index on sis.degrees (enrolment_id);
create index on sis.degrees (register_year);
